use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{
    Address, JobState, JobTerms, LeaseOutcome, LeaseState, MicroUsdc, Payment, Ruling, Seconds, UnixSeconds,
    transitions,
};

use millrace_spec::Sha256;

use super::world::*;
use crate::*;

/// Pays on result and may be disputed for a minute.
fn on_result() -> JobTerms {
    JobTerms { payment: Payment::OnResult, dispute_window: Seconds(60), ..terms() }
}

/// One job of `tasks` tasks on one node, run until its lease is reported.
fn reported(tasks: u32) -> (World, Address, Address) {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, on_result(), workload(tasks));
    world.drain();
    let lease = world.lease_of(address(b'N', 1));
    while world.reported().is_empty() {
        world.pass(1);
        assert!(world.leases.contains_key(&lease), "settled without a window");
    }
    (world, job, lease)
}

#[test]
fn a_reported_lease_is_finalized_when_its_window_is_over_and_not_a_second_before() {
    let (mut world, job, lease) = reported(2);
    assert_eq!(world.core.lease(lease).unwrap().stage, Stage::Reported);
    assert_eq!(world.outcome(job), Some(&Outcome::Completed));
    let until = world.leases[&lease].lease.disputable_until;
    assert_eq!(world.jobs[&job].job.paid, MicroUsdc::ZERO);
    while world.now().chain < until {
        assert!(world.ended.is_empty() && world.jobs.contains_key(&job));
        world.pass(1);
    }
    assert_eq!(world.ended.iter().map(|ended| ended.1).collect::<Vec<_>>(), [LeaseOutcome::Completed]);
    assert!(world.finished(job), "closed in the same breath");
    let booked = world.core.lease(lease).unwrap();
    assert_eq!((booked.stage, booked.view.lease.paid), (Stage::Over, world.ended[0].2));
    assert!(booked.view.lease.paid > MicroUsdc::ZERO);
    assert_eq!(world.count(|action| matches!(action, Action::FinalizeLease { .. })), 1);
    world.check_money();
}

#[test]
fn a_reported_lease_leaves_its_node_to_others_and_keeps_its_bond() {
    let (mut world, first, lease) = reported(2);
    assert!(world.rigs[&address(b'N', 1)].leases.is_empty());
    let second = world.add_job(2, terms(), workload(2));
    world.drain();
    assert_eq!(world.leases.values().filter(|view| view.job == second).count(), 1);
    // Both bonds of 2.4 USDC are locked.
    assert_eq!(world.providers[&address(b'P', 1)].stake.locked, MicroUsdc(4_800_000));
    assert!(world.leases.contains_key(&lease));
    world.pass(30);
    assert!(world.finished(second) && !world.finished(first));
    world.pass(60);
    assert!(world.finished(first));
    world.check_money();
}

#[test]
fn a_stake_that_backs_a_reported_lease_backs_no_other() {
    let (mut world, _, _) = reported(1);
    let stake = &mut world.providers.get_mut(&address(b'P', 1)).unwrap().stake;
    (stake.total, stake.paid_in) = (MicroUsdc(4_799_999), MicroUsdc(4_799_999));
    world.see_node(address(b'N', 1));
    let second = world.add_job(2, terms(), workload(1));
    world.drain();
    assert_eq!(world.explain(second).exclusions.keys().collect::<Vec<_>>(), [&Constraint::StakeTooSmall]);
    assert!(world.explain(second).suggestion.is_some());
}

#[test]
fn tasks_go_on_while_an_earlier_lease_waits_for_its_window() {
    let mut world = World::with_nodes(1);
    world.task_millis = 15_000;
    let job = world.add_job(1, JobTerms { lease_seconds: Seconds(20), ..on_result() }, workload(3));
    world.drain();
    world.pass(50);
    assert!(world.reported().len() > 1, "{:?}", world.explain(job));
    world.pass(120);
    assert!(world.finished(job), "{:?}", world.explain(job));
    world.check_money();
}

#[test]
fn the_buyer_may_accept_before() {
    let (mut world, job, lease) = reported(1);
    world.accept(lease);
    world.pass(1);
    assert!(world.finished(job));
    assert_eq!(world.core.lease(lease).unwrap().view.lease.paid, world.ended[0].2);
    assert_eq!(world.count(|action| matches!(action, Action::FinalizeLease { .. })), 0);
    world.check_money();
}

#[test]
fn a_disputed_lease_is_left_to_the_arbiter() {
    for (ruling, finished) in [(Ruling::ProviderRight, true), (Ruling::Split, true), (Ruling::BuyerRight, false)] {
        let (mut world, job, lease) = reported(2);
        world.dispute(lease);
        world.pass(300);
        assert_eq!(world.leases[&lease].lease.state, LeaseState::Disputed);
        assert_eq!(world.count(|action| matches!(action, Action::FinalizeLease { .. })), 0);
        assert!(world.jobs.contains_key(&job));
        world.rule(lease, Some(ruling));
        world.pass(1);
        assert_eq!(world.finished(job), finished, "{ruling:?}");
        world.pass(120);
        assert!(world.finished(job), "{ruling:?}: {:?}", world.explain(job));
        world.check_money();
    }
}

#[test]
fn a_dispute_that_nobody_decides_is_settled_as_reported_when_its_time_is_over() {
    let (mut world, job, lease) = reported(2);
    world.dispute(lease);
    let decide_by = world.disputes[&lease].decide_by;
    // A restart in between: the chain tells of the dispute again.
    world.restart();
    world.drain();
    world.travelled += decide_by.0 - world.now().chain.0 - 2;
    world.pass(1);
    assert_eq!(world.count(|action| matches!(action, Action::ExpireDispute { .. })), 0);
    world.pass(1);
    assert_eq!(world.count(|action| matches!(action, Action::ExpireDispute { .. })), 1);
    assert_eq!(world.ended.iter().map(|ended| ended.1).collect::<Vec<_>>(), [LeaseOutcome::Completed]);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn what_a_dispute_found_wrong_is_made_again() {
    let (mut world, job, lease) = reported(2);
    world.dispute(lease);
    world.rule(lease, Some(Ruling::BuyerRight));
    assert_eq!(world.jobs[&job].job.state, JobState::Active, "leased again at once");
    assert_eq!(world.outcome(job), None);
    let second = world.lease_of(address(b'N', 1));
    world.pass(90);
    assert!(world.finished(job));
    let tasks = &world.core.job(job).unwrap().tasks;
    assert!(tasks.iter().all(|task| task.state == TaskState::Done { lease: second } && task.attempt == 2));
}

#[test]
fn the_last_voucher_is_said_again_to_a_worker_that_missed_it() {
    let (mut world, _, lease) = reported(1);
    let node = address(b'N', 1);
    world.rigs.get_mut(&node).unwrap().leases.insert(lease);
    world.heartbeats();
    world.drain();
    assert!(world.rigs[&node].leases.is_empty());
    assert!(world.rigs[&node].vouchers[&lease].is_final);
}

#[test]
fn a_report_that_comes_out_of_the_blue_frees_the_worker() {
    let mut world = World::with_nodes(1);
    world.task_millis = 100_000;
    let job = world.add_job(1, on_result(), workload(1));
    world.drain();
    world.pass(4);
    let (node, lease) = (address(b'N', 1), world.lease_of(address(b'N', 1)));
    // Signed by this attestor before it lost its disk, and redeemed by the node.
    let last = world.core.lease(lease).unwrap().voucher.unwrap();
    let sequence = last.sequence + 1;
    let voucher =
        millrace_protocol::voucher::Voucher { is_final: true, exit_class: ExitClass::Released, sequence, ..last };
    world.disk.clear();
    world.redeem(lease, &voucher);
    world.restart();
    world.drain();
    assert_eq!(world.core.lease(lease).unwrap().stage, Stage::Reported);
    let rig = &world.rigs[&node];
    assert!(!rig.leases.contains(&lease) && rig.running.iter().all(|running| running.0 != lease));
    world.pass(200);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn a_window_outlasts_a_restart() {
    let (mut world, job, _) = reported(2);
    world.pass(10);
    world.restart();
    world.drain();
    world.pass(60);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn a_failed_finalization_is_tried_again() {
    let (mut world, job, _) = reported(1);
    world.chain_down = true;
    world.pass(70);
    assert!(world.count(|action| matches!(action, Action::FinalizeLease { .. })) > 1);
    world.chain_down = false;
    world.pass(60);
    assert!(world.finished(job));
}

#[test]
fn a_preempted_lease_ends_with_its_notice_and_blames_nobody() {
    let mut world = World::with_nodes(1);
    world.task_millis = 100_000;
    let job = world.add_job(1, JobTerms { spot: true, ..terms() }, workload(1));
    world.drain();
    let lease = world.lease_of(address(b'N', 1));
    assert_eq!(world.leases[&lease].lease.price.0, 50_000);
    world.pass(10);
    world.change_lease(lease, |job, view, parameters, now| {
        transitions::notice_preemption(&job.job, &mut view.lease, parameters, now).unwrap();
    });
    world.pass(59);
    assert!(world.ended.is_empty());
    world.pass(4);
    assert_eq!(world.ended[0].1, LeaseOutcome::Released);
    assert_eq!(world.core.job(job).unwrap().tasks[0].failures, 0);
    assert!(world.core.job(job).unwrap().story().failed_nodes.is_empty());
    assert!(world.settled().iter().filter(|voucher| voucher.lease == lease).all(|voucher| voucher.metered.0 <= 70));
    world.pass(110);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn a_longer_start_is_waited_for() {
    let mut world = World::with_nodes(1);
    world.add_job(1, JobTerms { retries: 0, ..terms() }, workload(1));
    while let Some(event) = world.inbox.pop_front() {
        if !matches!(event, Event::TaskUpdate { .. }) {
            world.feed(event);
        }
    }
    let lease = world.lease_of(address(b'N', 1));
    world.rigs.get_mut(&address(b'N', 1)).unwrap().running[0].3 += 10_000_000;
    let before = world.leases[&lease];
    world.pass(200);
    world.change_lease(lease, |_, view, _, now| transitions::extend_start(&mut view.lease, now).unwrap());
    world.feed(Event::LeaseSeen { lease, view: before });
    assert!(world.core.lease(lease).unwrap().view.lease.start_extended, "an older reading changes nothing");
    world.pass(399);
    assert!(world.ended.is_empty());
    world.pass(1);
    assert_eq!(world.ended[0].1, LeaseOutcome::Abandoned);
}

#[test]
fn a_lease_held_to_its_limit_ends_without_blame() {
    let mut world = World::with_nodes(1);
    world.task_millis = 10_000_000;
    world.parameters.hold_limit = Seconds(1_000);
    let job = world.add_job(1, JobTerms { retries: 0, ..terms() }, workload(1));
    world.drain();
    world.pass(160);
    let lease = world.lease_of(address(b'N', 1));
    world.kill(address(b'N', 1));
    world.pass(600);
    world.change_lease(lease, |_, view, _, now| transitions::hold_lease(&mut view.lease, now).unwrap());
    let limit = world.leases[&lease].lease.hold_ends().unwrap();
    while world.now().chain < limit {
        assert!(world.ended.is_empty() && world.now().chain > UnixSeconds::ZERO);
        world.pass(1);
    }
    assert_eq!(world.ended[0].1, LeaseOutcome::AttestorGone);
    assert_eq!(world.jobs[&job].job.state, JobState::Open);
}

#[test]
fn the_image_that_a_lease_runs_is_recorded_by_its_own_workers_word() {
    let mut world = World::with_nodes(2);
    world.task_millis = 60_000;
    world.add_job(1, JobTerms { concurrent_leases: 1, ..terms() }, workload(1));
    world.drain();
    let node = *world.rigs.iter().find(|(_, rig)| !rig.leases.is_empty()).unwrap().0;
    let other = *world.rigs.keys().find(|other| **other != node).unwrap();
    let lease = world.lease_of(node);
    let image = |world: &World| world.core.leases[&lease].image;
    world.feed(Event::ImageFound { node: other, lease, digest: Sha256([9; 32]) });
    assert_eq!(image(&world), None);
    world.feed(Event::ImageFound { node, lease, digest: Sha256([1; 32]) });
    assert_eq!(image(&world), Some(Sha256([1; 32])));
    world.restart();
    assert_eq!(image(&world), Some(Sha256([1; 32])));
}
