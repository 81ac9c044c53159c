use millrace_protocol::{JobTerms, LeaseOutcome, LeaseState, MicroUsdc, Seconds, ServiceLevel, UnixSeconds};
use millrace_spec::{Gang, Locality, Shape};

use super::world::*;
use crate::*;

/// A job of one long task on one node, running.
fn running() -> (World, millrace_protocol::Address, millrace_protocol::Address) {
    let mut world = World::with_nodes(1);
    world.task_millis = 10_000_000;
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    let lease = world.lease_of(address(b'N', 1));
    (world, job, lease)
}

fn attested(world: &World, lease: millrace_protocol::Address) -> u64 {
    world.core.lease(lease).unwrap().voucher.map_or(0, |voucher| voucher.metered.0)
}

#[test]
fn time_runs_from_the_first_container_on() {
    let mut world = World::with_nodes(1);
    world.add_job(1, terms(), workload(1));
    // The image takes twenty seconds.
    while let Some(event) = world.inbox.pop_front() {
        if !matches!(event, Event::TaskUpdate { .. }) {
            world.feed(event);
        }
    }
    let lease = world.lease_of(address(b'N', 1));
    world.task_millis = 60_000;
    world.rigs.get_mut(&address(b'N', 1)).unwrap().running[0].3 += 60_000;
    world.pass(20);
    assert_eq!(attested(&world, lease), 0);
    world.running(address(b'N', 1), lease, 0, 1);
    world.drain();
    world.pass(10);
    assert_eq!(attested(&world, lease), 10);
}

#[test]
fn every_heartbeat_is_answered_and_the_count_only_grows() {
    let (mut world, _, lease) = running();
    world.pass(20);
    assert_eq!(attested(&world, lease), 20);
    let issued: Vec<_> = world
        .log
        .iter()
        .filter_map(|action| match action {
            Action::IssueVoucher { voucher, .. } => Some((voucher.sequence, voucher.metered.0)),
            _ => None,
        })
        .collect();
    assert_eq!(issued.len(), 10);
    assert!(issued.is_sorted() && issued.first() == Some(&(1, 2)), "{issued:?}");
}

#[test]
fn a_lost_voucher_is_sent_again_unchanged() {
    let (mut world, _, lease) = running();
    world.pass(2);
    let first = world.core.lease(lease).unwrap().voucher;
    world.heartbeats();
    world.drain();
    assert_eq!(world.core.lease(lease).unwrap().voucher, first);
}

#[test]
fn gaps_up_to_three_heartbeats_count_and_longer_ones_do_not() {
    for (gap, expected) in [(6, 10), (7, 3)] {
        let (mut world, _, lease) = running();
        world.pass(2);
        world.millis += gap * 1_000;
        world.heartbeats();
        world.drain();
        world.pass(2);
        assert_eq!(attested(&world, lease), expected, "a gap of {gap} s");
    }
}

fn downtime(world: &World, lease: millrace_protocol::Address) -> u64 {
    world.core.lease(lease).unwrap().voucher.map_or(0, |voucher| voucher.downtime.0)
}

#[test]
fn a_silence_that_was_watched_is_downtime_and_one_across_a_restart_is_not() {
    for (restarted, expected) in [(false, 60), (true, 0)] {
        let (mut world, _, lease) = running();
        world.pass(10);
        world.disconnect(address(b'N', 1));
        world.pass(30);
        if restarted {
            world.restart();
            world.drain();
        }
        world.pass(30);
        world.connect(address(b'N', 1));
        world.drain();
        world.pass(10);
        assert_eq!((attested(&world, lease), downtime(&world, lease)), (20, expected), "restarted: {restarted}");
    }
}

#[test]
fn downtime_pays_the_service_levels_credit() {
    let mut world = World::with_nodes(1);
    world.nodes.get_mut(&address(b'N', 1)).unwrap().node.service_level = ServiceLevel::Gold;
    world.see_node(address(b'N', 1));
    world.task_millis = 100_000;
    let job = world.add_job(1, JobTerms { service_level: ServiceLevel::Gold, ..terms() }, workload(1));
    world.drain();
    world.pass(10);
    world.disconnect(address(b'N', 1));
    world.pass(30);
    world.connect(address(b'N', 1));
    world.pass(80);
    assert!(world.finished(job));
    // Down for more than a tenth of the time: the whole cost comes back.
    let chain = &world.closed[&job].job;
    assert_eq!(chain.compensation.0, chain.paid.0 + chain.fees.0);
    assert!(chain.compensation.0 > 0);
    world.check_money();
}

#[test]
fn nothing_is_attested_ahead_of_the_chains_clock() {
    let (mut world, _, lease) = running();
    // The machine's clock jumps; the chain's does not.
    world.pass(2);
    world.core.leases.get_mut(&lease).unwrap().meter.millis = 500_000;
    world.heartbeats();
    world.drain();
    assert_eq!(attested(&world, lease), 2);
}

#[test]
fn a_task_that_had_only_the_rest_of_a_lease_is_not_blamed_for_its_end() {
    let mut world = World::with_nodes(1);
    world.task_millis = 12_000;
    let job = world.add_job(1, JobTerms { lease_seconds: Seconds(20), retries: 0, ..terms() }, workload(4));
    world.drain();
    world.pass(120);
    let entry = world.core.job(job).unwrap();
    assert_eq!(entry.outcome, Some(Outcome::Completed));
    assert!(entry.tasks.iter().all(|task| task.failures == 0), "each was cut off once at most, and none by its length");
    assert!(entry.tasks.iter().any(|task| task.attempt > 1), "some were cut off");
    world.check_money();
}

#[test]
fn nothing_is_attested_beyond_the_lease() {
    let mut world = World::with_nodes(1);
    world.task_millis = 10_000_000;
    let job = world.add_job(1, JobTerms { lease_seconds: Seconds(20), retries: 0, ..terms() }, workload(1));
    world.drain();
    let lease = world.lease_of(address(b'N', 1));
    world.pass(100);
    assert_eq!(attested(&world, lease), 20);
    // The task did not fit the lease twice, so the job is to blame.
    assert!(matches!(world.outcome(job), Some(Outcome::Failed(cause)) if cause.code == "lease-too-short"));
    assert_eq!(world.ended.len(), 2);
    world.check_money();
}

#[test]
fn a_first_voucher_is_redeemed_half_way_to_the_start_deadline() {
    let (mut world, _, lease) = running();
    world.pass(149);
    assert_eq!(world.settled().len(), 0);
    world.pass(1);
    assert_eq!(world.settled().len(), 1);
    assert_eq!(world.leases[&lease].lease.state, LeaseState::Running);
}

#[test]
fn a_running_lease_is_redeemed_at_half_its_checkpoint_interval() {
    let mut world = World::with_nodes(1);
    world.task_millis = 10_000_000;
    world.add_job(1, JobTerms { lease_seconds: Seconds(3_000), ..terms() }, workload(1));
    world.drain();
    world.pass(150 + 449);
    assert_eq!(world.settled().len(), 1);
    world.pass(2);
    assert_eq!(world.settled().len(), 2);
    assert!(world.leases.values().all(|view| view.lease.checkpoint_by > UnixSeconds(START + 1_400)));
}

#[test]
fn a_failed_settlement_is_tried_again_with_patience() {
    let (mut world, _, _) = running();
    world.chain_down = true;
    world.pass(160);
    let tries = world.settled().len();
    assert!((3..=5).contains(&tries), "{tries} tries in ten seconds");
    world.chain_down = false;
    world.pass(20);
    assert_eq!(world.leases.values().next().unwrap().lease.state, LeaseState::Running);
}

#[test]
fn a_lease_that_never_starts_is_expired_at_its_start_deadline() {
    let mut world = World::with_nodes(1);
    world.add_job(1, JobTerms { retries: 0, ..terms() }, workload(1));
    while let Some(event) = world.inbox.pop_front() {
        if !matches!(event, Event::TaskUpdate { .. }) {
            world.feed(event);
        }
    }
    world.rigs.get_mut(&address(b'N', 1)).unwrap().running[0].3 += 10_000_000;
    world.pass(299);
    assert!(world.ended.is_empty());
    world.pass(1);
    assert_eq!(world.ended[0].1, LeaseOutcome::Abandoned);
}

#[test]
fn a_silent_lease_is_redeemed_at_once_and_lost_at_its_checkpoint() {
    let (mut world, job, lease) = running();
    world.pass(30);
    world.kill(address(b'N', 1));
    world.pass(10);
    let settled = world.settled();
    assert_eq!((settled.len(), settled[0].metered), (1, Seconds(30)));
    let deadline = world.leases[&lease].lease.checkpoint_by;
    while world.now().chain < deadline {
        assert!(world.ended.is_empty());
        world.pass(1);
    }
    assert_eq!(world.ended[0].1, LeaseOutcome::Lost);
    assert!(world.core.job(job).unwrap().story().failed_nodes.contains(&address(b'N', 1)));
}

#[test]
fn the_meter_stops_where_the_clocks_stand_still_or_run_backwards() {
    let (mut world, _, lease) = running();
    world.pass(4);
    world.millis -= 3_000;
    world.heartbeats();
    world.drain();
    assert_eq!(attested(&world, lease), 4);
    world.pass(4);
    assert!(attested(&world, lease) <= 5);
}

#[test]
fn how_long_the_money_lasts_is_told_of_tasks_and_gangs_too() {
    let gang = Shape::Gang(Gang { locality: Locality::Anywhere });
    for shape in [None, Some(gang)] {
        let mut world = World::with_nodes(2);
        world.task_millis = 10_000_000;
        // 300 000 micro-USDC an hour for both, and an hour's money.
        let terms = JobTerms { concurrent_leases: 2, deposit: MicroUsdc(300_000), ..terms() };
        let job = world.add_job(1, terms, Workload { shape, ..workload(2) });
        world.drain();
        world.pass(60);
        let runway = world.explain(job).runway.unwrap();
        assert_eq!((runway.leases, runway.hourly), (2, MicroUsdc(300_000)));
        assert!((3_535..=3_545).contains(&runway.lasts.0), "{runway:?}");
        world.cancel(job);
        assert_eq!(world.explain(job).runway, None);
    }
}
