use millrace_protocol::{Lease as OnChain, LeaseState, Seconds, UnixSeconds, transitions};

use super::rig::*;
use super::upkeep::opened;
use crate::*;

/// A rig whose task has come so many steps far, and stands there.
fn stuck(steps: usize) -> Rig {
    let mut rig = Rig::leased();
    rig.assign(0);
    (0..steps).for_each(|_| rig.step());
    rig.drop_step();
    rig
}

fn at(rig: &mut Rig, second: u64) {
    rig.now = UnixSeconds(START.0 + second);
    rig.event(Event::Tick);
}

fn read(rig: &mut Rig, account: OnChain, clock: u64) {
    rig.event(Event::LeaseRead { lease: LEASE, account: Some(account), clock: UnixSeconds(START.0 + clock) });
}

/// The task goes on a second before, and is over at `second`.
fn ends_at(rig: &mut Rig, second: u64, cause: Cause) {
    let before = rig.phase(0);
    at(rig, second - 1);
    assert_eq!(rig.phase(0), before, "a second before {second}");
    at(rig, second);
    let Phase::Cleaning { outcome: Outcome::Failed(failure) } = rig.phase(0) else { panic!("{:?}", rig.phase(0)) };
    assert_eq!(failure.cause, cause);
    rig.settle();
    assert_eq!(rig.last_failure(), Some(cause));
    assert!(rig.is_clean());
}

#[test]
fn whatever_is_slow_fails_by_its_own_name_before_the_start_deadline_on_the_chain() {
    for (steps, cause, fault) in
        [(0, Cause::InputSlow, Fault::Node), (1, Cause::ImageSlow, Fault::Buyer), (2, Cause::CreateSlow, Fault::Node)]
    {
        let mut rig = stuck(steps);
        read(&mut rig, opened(), 0);
        // An eighth of 300 seconds before 301, as nobody has extended the start.
        ends_at(&mut rig, 301 - 37, cause);
        assert_eq!(cause.fault(), fault);
    }
}

#[test]
fn a_start_that_was_extended_gives_as_much_more_and_leaves_a_quarter() {
    let mut rig = stuck(1);
    let mut lease = opened();
    transitions::extend_start(&mut lease, UnixSeconds(START.0 + 230)).unwrap();
    assert_eq!(lease.start_by, UnixSeconds(START.0 + 601));
    rig.now = UnixSeconds(START.0 + 230);
    read(&mut rig, lease, 230);
    ends_at(&mut rig, 601 - 75, Cause::ImageSlow);
}

#[test]
fn the_deadline_is_the_chains_and_counted_by_the_rigs_clock() {
    let mut rig = stuck(1);
    rig.now = UnixSeconds(START.0 + 20);
    // The chain is a minute ahead: it has 221 seconds left.
    read(&mut rig, opened(), 80);
    ends_at(&mut rig, 20 + 221 - 37, Cause::ImageSlow);
}

#[test]
fn a_rig_that_cannot_read_the_chain_takes_the_usual_timeout_for_granted() {
    ends_at(&mut stuck(1), 225, Cause::ImageSlow);
}

#[test]
fn a_restarted_rig_waits_for_the_chain_before_it_gives_up() {
    let mut rig = stuck(1);
    rig.now = UnixSeconds(START.0 + 400);
    rig.restart();
    rig.step();
    rig.drop_step();
    at(&mut rig, 429);
    assert_eq!(rig.phase(0), Phase::Pulling);
    let mut lease = opened();
    transitions::extend_start(&mut lease, UnixSeconds(START.0 + 230)).unwrap();
    read(&mut rig, lease, 429);
    ends_at(&mut rig, 601 - 75, Cause::ImageSlow);

    let mut rig = stuck(1);
    rig.now = UnixSeconds(START.0 + 400);
    rig.restart();
    rig.step();
    rig.drop_step();
    ends_at(&mut rig, 430, Cause::ImageSlow);
}

#[test]
fn a_task_of_a_lease_that_has_started_has_as_long_as_an_extended_start() {
    let running = OnChain { state: LeaseState::Running, checkpoint_by: UnixSeconds(START.0 + 9_000), ..opened() };
    for known in [None, Some(running), Some(OnChain { start_timeout: Seconds(300), ..opened() })] {
        let mut rig = stuck(1);
        rig.event(voucher(1, 5, false));
        if let Some(known) = known {
            read(&mut rig, known, 0);
        }
        ends_at(&mut rig, if known.is_some() { 600 } else { 450 }, Cause::ImageSlow);
    }
}

#[test]
fn a_container_that_runs_is_not_measured_by_its_start() {
    let mut rig = stuck(4);
    at(&mut rig, 59);
    read(&mut rig, OnChain { start_by: UnixSeconds(START.0 + 60), ..opened() }, 59);
    rig.event(Event::Tick);
    assert_eq!(rig.phase(0), Phase::Running { started_at: START });
}
