//! `kill -9` of the worker before and after each line of its journal, and before and after each thing it does to
//! a container or on chain in between. The worker is a process of its own, its containers are real.
//!
//! The moments are counted from outside: a C library that the test preloads sits between the worker and the
//! kernel (`stub/moments.c`), so the journal that is tested is the one that is shipped, and no build of
//! the worker knows of any of this. An undisturbed life says how many moments there are; then there is one life
//! for each of them, in which the worker dies at it and is started again.
//!
//! Without a Docker socket these tests say so and check nothing.

mod chain;
mod engine;
mod life;
mod process;
mod scheduler;

use std::collections::BTreeSet;
use std::fmt::Display;

use futures_util::StreamExt;
use millrace_agent::Record;
use serde::Deserialize as _;
use serde::de::value::MapDeserializer;

use crate::support::docker_is_here;
use life::{Life, Plot};

/// Lives that go on at once: they mostly wait.
const AT_ONCE: usize = 6;
/// The same where each waits for ten seconds and more.
const PATIENT_AT_ONCE: usize = 16;

/// Moments of a worker that recovers: the journal's, and what it does to the container it finds.
const BEYOND_RECOVERY: usize = 10;

/// Lives the plot once undisturbed, and then once for each of its moments.
async fn kill_at_each(plot: Plot, at_once: usize) {
    if !docker_is_here() {
        return;
    }
    let moments = undisturbed(plot).await;
    let lives = (1..=moments.len()).map(|point| {
        let name = &moments[point - 1];
        async move {
            let mut life = Life::begin(plot, [Some(point), None]).await;
            life.live().await;
            assert_eq!((life.moments(1).len(), life.lives), (point, 2), "it was not killed {name}");
        }
    });
    futures_util::stream::iter(lives).buffer_unordered(at_once).collect::<Vec<()>>().await;
}

/// The moments of a life in which nobody kills the worker: all that the plot is there for, and more.
async fn undisturbed(plot: Plot) -> Vec<String> {
    let mut life = Life::begin(plot, [None, None]).await;
    life.live().await;
    assert_eq!(life.lives, 1, "somebody killed it");
    let moments = life.moments(1);
    for what in plot.passes() {
        let is_passed = |when| moments.contains(&format!("{when} {what}"));
        assert!(is_passed("before") && is_passed("after"), "{plot:?} does not pass {what:?}: {moments:?}");
    }
    moments
}

macro_rules! lives {
    ($($name:ident: $plot:expr, $at_once:expr;)*) => {
        /// The plots that are lived once for each of their moments.
        const PLOTS: &[Plot] = &[$($plot),*];

        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            kill_at_each($plot, $at_once).await;
        })*
    };
}

lives! {
    work_that_is_done: Plot::Success, AT_ONCE;
    work_that_fails: Plot::Failure, AT_ONCE;
    work_that_is_cancelled: Plot::Cancel, AT_ONCE;
    work_that_is_preempted_and_does_not_stop: Plot::Preemption, PATIENT_AT_ONCE;
    work_whose_lease_has_notice: Plot::Notice, AT_ONCE;
    a_scheduler_that_is_gone: Plot::Silence, PATIENT_AT_ONCE;
    a_scheduler_that_is_gone_with_its_last_voucher: Plot::Unpaid, PATIENT_AT_ONCE;
    work_that_is_bid_for_and_whose_result_is_counted: Plot::Counted, PATIENT_AT_ONCE;
    work_that_goes_on_past_the_first_end_of_its_lease: Plot::Longer, PATIENT_AT_ONCE;
    work_whose_lease_is_gone_from_the_chain: Plot::Gone, PATIENT_AT_ONCE;
    a_lease_that_brings_no_work: Plot::Idle, PATIENT_AT_ONCE;
}

/// Takes the kinds of a record out of the refusal of one that is of none.
#[derive(Debug, thiserror::Error)]
#[error("{0:?}")]
struct Kinds(&'static [&'static str]);

impl serde::de::Error for Kinds {
    fn custom<T: Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, kinds: &'static [&'static str]) -> Self {
        Self(kinds)
    }
}

#[test]
fn every_kind_of_record_is_written_where_a_worker_is_killed_at_it() {
    let of_no_kind = MapDeserializer::<_, Kinds>::new([("record", "none")].into_iter());
    let Kinds(kinds) = Record::deserialize(of_no_kind).unwrap_err();
    assert!(kinds.contains(&"lease_accepted"), "{kinds:?}");
    let passed = PLOTS.iter().flat_map(|plot| plot.passes());
    let written: BTreeSet<_> = passed.filter_map(|moment| moment.strip_prefix("append ")).collect();
    assert_eq!(written, kinds.iter().copied().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_being_uploaded() {
    if !docker_is_here() {
        return;
    }
    // Two files of each task, of which one is the same twice.
    let deaths = (1..=3).flat_map(|upload| [(upload, false), (upload, true)]);
    let lives = deaths.map(|(upload, stored)| async move {
        let mut life = Life::begin(Plot::Success, [None, None]).await;
        life.die_at_upload(upload, stored);
        life.live().await;
        assert_eq!(life.lives, 2, "it was not killed at upload {upload}");
    });
    futures_util::stream::iter(lives).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_that_are_brought_away_early() {
    if !docker_is_here() {
        return;
    }
    // Two files and their manifest.
    let deaths = (1..=3).flat_map(|upload| [(upload, false), (upload, true)]);
    let lives = deaths.map(|(upload, stored)| async move {
        let mut life = Life::begin(Plot::Early, [None, None]).await;
        life.die_at_upload(upload, stored);
        life.live().await;
        assert_eq!(life.lives, 2, "it was not killed at upload {upload}");
    });
    futures_util::stream::iter(lives).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// The worker that recovers is killed, too, at each of its moments until it has recovered and a little beyond.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_kill_during_recovery() {
    if !docker_is_here() {
        return;
    }
    let moments = undisturbed(Plot::Success).await;
    let firsts = ["after starting the container", "after append task_exited", "after append task_uploaded"];
    let pairs = firsts.iter().flat_map(|first| {
        let first = 1 + moments.iter().position(|moment| moment == first).expect("no such moment");
        (1..=BEYOND_RECOVERY).map(move |second| (first, second))
    });
    let lives = pairs.map(|(first, second)| async move {
        let mut life = Life::begin(Plot::Success, [Some(first), Some(second)]).await;
        life.live().await;
        assert_eq!((life.moments(1).len(), life.moments(2).len(), life.lives), (first, second, 3));
    });
    futures_util::stream::iter(lives).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// Whoever looks after the process starts it again only once it has ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_journal_cannot_be_written_ends() {
    if !docker_is_here() {
        return;
    }
    let status = Life::begin(Plot::Success, [None, None]).await.end_without_a_journal().await;
    assert!(status.code().is_some_and(|code| code != 0), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_moves_no_deadline() {
    if !docker_is_here() {
        return;
    }
    const DAY: i64 = 86_400;
    for step in [40 * DAY, -40 * DAY] {
        let mut life = Life::begin(Plot::ClockStep(step), [None, None]).await;
        life.live().await;
        assert_eq!(life.lives, 2);
    }
}
