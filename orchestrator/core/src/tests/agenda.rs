//! The moments at which a tick finds something to do though nothing has happened: not before, and not only when
//! everything is looked at.

use millrace_protocol::{JobTerms, Seconds, UnixSeconds};

use super::world::*;
use crate::state::lease::Stage;
use crate::*;

/// A world whose next actions of the kind are lost on their way.
fn until_lost(world: &mut World, is_lost: fn(&Action) -> bool) {
    while let Some(event) = world.inbox.pop_front() {
        for action in world.core.on_event(world.now(), event) {
            if !is_lost(&action) {
                world.carry_out(action);
            }
        }
    }
}

/// Ticks on both sides of the moment, with a worker that is there.
fn only_then(world: &mut World, at: Now, wanted: fn(&Action) -> bool) {
    let mut found = |at| world.core.on_event(at, Event::Tick).iter().any(wanted);
    assert!(!found(Now { millis: at.millis - 2, chain: UnixSeconds(at.chain.0 - 1) }));
    assert!(!found(Now { millis: at.millis - 1, chain: UnixSeconds(at.chain.0 - 1) }));
    assert!(found(at));
}

fn heard_at(world: &mut World, millis: u64) {
    world.millis = millis;
    let leases = world.rigs[&address(b'N', 1)].leases.iter().copied().collect();
    world.core.on_event(world.now(), Event::Heartbeat { node: address(b'N', 1), leases });
}

/// One rig at work on a long task.
fn at_work() -> World {
    let mut world = World::with_nodes(1);
    world.task_millis = 10_000_000;
    world.add_job(1, JobTerms { lease_seconds: Seconds(3_000), ..terms() }, workload(1));
    world.drain();
    world
}

#[test]
fn an_offer_that_nobody_answers_is_made_again() {
    let is_offer = |action: &Action| matches!(action, Action::OfferLease(_));
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(1));
    until_lost(&mut world, is_offer);
    let until = world.core.job(job).unwrap().offer.as_ref().unwrap().until;
    heard_at(&mut world, until - 1_000);
    let at = Now { millis: until, chain: UnixSeconds(until / 1_000) };
    only_then(&mut world, at, is_offer);
}

#[test]
fn a_lease_ends_when_the_chain_says_so() {
    let mut world = at_work();
    let ends_by = world.leases[&world.lease_of(address(b'N', 1))].lease.ends_by;
    let at = Now { millis: world.millis + 10, chain: ends_by };
    only_then(&mut world, at, |action| matches!(action, Action::EndLease { .. }));
}

#[test]
fn a_report_that_does_not_come_is_waited_for_a_minute() {
    let mut world = at_work();
    world.pass(4);
    let lease = world.lease_of(address(b'N', 1));
    // Its stream stands, and nothing comes through.
    world.rigs.get_mut(&address(b'N', 1)).unwrap().connected = false;
    world.cancel(address(b'J', 1));
    let Stage::Ending { since, .. } = world.core.lease(lease).unwrap().stage else { panic!("it was told to end") };
    heard_at(&mut world, since + 59_000);
    let at = Now { millis: since + 60_001, chain: world.now().chain };
    only_then(&mut world, at, |action| matches!(action, Action::Settle { voucher, .. } if voucher.is_final));
}

#[test]
fn a_voucher_is_redeemed_half_way_to_the_next_deadline() {
    let mut world = at_work();
    world.pass(4);
    let lease = world.leases[&world.lease_of(address(b'N', 1))].lease;
    let half_way = UnixSeconds(lease.opened_at.0 + lease.start_by.since(lease.opened_at).0 / 2);
    let at = Now { millis: world.millis + 10, chain: half_way };
    only_then(&mut world, at, |action| matches!(action, Action::Settle { .. }));
}

#[test]
fn a_job_whose_closing_failed_is_closed_a_second_later() {
    let is_closing = |action: &Action| matches!(action, Action::CloseJob { .. });
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(1));
    for _ in 0..10 {
        world.millis += 1_000;
        world.work();
        world.heartbeats();
        until_lost(&mut world, is_closing);
    }
    let failed = Event::TransactionFailed { transaction: Transaction::CloseJob { job }, cause: cause("rpc") };
    world.core.on_event(world.now(), failed);
    let at = Now { millis: world.millis + 1_000, chain: world.now().chain };
    only_then(&mut world, at, is_closing);
}
