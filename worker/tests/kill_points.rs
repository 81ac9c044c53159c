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

use futures_util::StreamExt;

use crate::support::docker_is_here;
use life::{Life, Plot};

/// Lives that go on at once: they mostly wait.
const AT_ONCE: usize = 6;
/// The same where each waits for ten seconds and more.
const PATIENT_AT_ONCE: usize = 12;

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

/// The moments of a life in which nobody kills the worker.
async fn undisturbed(plot: Plot) -> Vec<String> {
    let mut life = Life::begin(plot, [None, None]).await;
    life.live().await;
    assert_eq!(life.lives, 1, "somebody killed it");
    life.moments(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_done() {
    kill_at_each(Plot::Success, AT_ONCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_fails() {
    kill_at_each(Plot::Failure, AT_ONCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_cancelled() {
    kill_at_each(Plot::Cancel, AT_ONCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_preempted_and_does_not_stop() {
    kill_at_each(Plot::Preemption, PATIENT_AT_ONCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_whose_lease_has_notice() {
    kill_at_each(Plot::Notice, AT_ONCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_that_is_gone() {
    kill_at_each(Plot::Silence, PATIENT_AT_ONCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_that_is_gone_with_its_last_voucher() {
    kill_at_each(Plot::Unpaid, PATIENT_AT_ONCE).await;
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
