use std::collections::BTreeSet;

use millrace_protocol::{JobTerms, LeaseOutcome, Seconds};

use super::world::*;
use crate::*;

/// See [`World::finish_killed_at`].
fn killed_at(step: usize, survives: Option<usize>) -> bool {
    let mut world = World::with_nodes(2);
    let job = world.add_job(1, terms(), workload(5));
    if !world.finish_killed_at(job, 4_000, step, survives) {
        return false;
    }
    assert_eq!(made(&world, job), made_undisturbed(), "killed at {step}, survives {survives:?}");
    assert!(world.ended.iter().all(|ended| matches!(ended.1, LeaseOutcome::Completed | LeaseOutcome::Released)));
    true
}

/// What the job's tasks produced.
fn made(world: &World, job: millrace_protocol::Address) -> Vec<Vec<Output>> {
    world.core.job(job).unwrap().tasks.iter().map(|task| task.outputs.clone()).collect()
}

fn made_undisturbed() -> Vec<Vec<Output>> {
    let mut world = World::with_nodes(2);
    let job = world.add_job(1, terms(), workload(5));
    world.drain();
    world.pass(60);
    assert!(world.finished(job));
    made(&world, job)
}

#[test]
fn killed_at_any_step_with_records_lost_it_ends_the_same() {
    let n_steps = (0..).take_while(|step| killed_at(*step, None)).count();
    assert!(n_steps > 50, "{n_steps} steps");
}

/// Every step, not a sample: at each answer, after its records and after each of the actions that follow.
#[test]
fn killed_between_any_two_actions_it_ends_the_same() {
    let (mut n_steps, mut n_kills) = (0, 0);
    while killed_at(n_steps, Some(0)) {
        n_kills += 1 + (1..).take_while(|count| killed_at(n_steps, Some(*count))).count();
        n_steps += 1;
    }
    assert!(n_steps > 50 && n_kills > n_steps, "{n_steps} steps, {n_kills} kills");
}

#[test]
fn a_short_restart_is_no_gap_in_the_meter() {
    let mut world = World::with_nodes(1);
    world.task_millis = 30_000;
    world.add_job(1, terms(), workload(1));
    world.drain();
    world.pass(10);
    world.millis += 3_000;
    world.restart();
    world.drain();
    world.pass(17);
    let attested = world.core.leases.values().next().unwrap().voucher.unwrap().metered.0;
    assert!((29..=30).contains(&attested), "{attested}");
}

#[test]
fn with_an_empty_disk_the_chain_alone_keeps_leases_paid_and_refunds_flowing() {
    let mut world = World::with_nodes(1);
    world.task_millis = 10_000_000;
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    world.pass(160);
    let lease = world.lease_of(address(b'N', 1));
    let sequence = world.leases[&lease].lease.sequence;
    assert!(sequence > 0);
    world.disk.clear();
    world.rigs.values_mut().for_each(|rig| rig.vouchers.clear());
    world.restart();
    world.drain();
    world.cancel(job);
    world.pass(10);
    assert!(world.refunds.contains_key(&job));
    assert!(world.settled().last().unwrap().sequence > sequence);
    world.check_money();
}

#[test]
fn a_job_that_is_over_is_still_known_after_a_restart() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(2));
    world.drain();
    world.pass(20);
    let before = (world.core.job(job).cloned(), world.core.leases_of(job).len());
    world.restart();
    world.drain();
    let entry = world.core.job(job).unwrap();
    assert!(entry.all_done() && !entry.on_chain && entry.story().closed_by.is_some());
    assert_eq!(entry.tasks, before.0.unwrap().tasks);
    assert_eq!(world.core.leases_of(job).len(), before.1);
}

/// A task was handed out anew, and the word never left: its worker comes back with the attempt before.
#[test]
fn a_hand_out_that_died_with_the_scheduler_is_made_again() {
    let node = address(b'N', 1);
    let mut world = World::with_nodes(1);
    world.task_millis = 60_000;
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    let lease = world.lease_of(node);
    let failed = TaskProgress::Failed {
        fault: Fault::Buyer,
        exit_code: Some(1),
        cause: Cause { code: "exit-code".into(), message: "1".into(), hint: String::new() },
    };
    let update = Event::TaskUpdate { node, lease, task: 0, attempt: 1, progress: failed };
    let actions = world.core.on_event(world.now(), update);
    assert!(actions.iter().any(|action| matches!(action, Action::AssignTask { attempt: 2, .. })));
    for action in actions.into_iter().filter(|action| matches!(action, Action::Persist(_))) {
        world.carry_out(action);
    }
    world.rigs.get_mut(&node).unwrap().running.clear();
    world.restart();
    // Not what the rig says on its own, but what it held when the word was on its way.
    world.inbox.retain(|event| !matches!(event, Event::WorkerConnected { .. }));
    let held = vec![HeldLease { lease, tasks: vec![HeldTask { task: 0, attempt: 1 }] }];
    world.inbox.push_back(Event::WorkerConnected { node, session: 2, images: BTreeSet::new(), held });
    world.drain();
    assert_eq!(world.core.job(job).unwrap().tasks[0].attempt, 3);
    assert_eq!(world.count(|action| matches!(action, Action::AssignTask { attempt: 3, .. })), 1);
}

#[test]
fn a_task_that_began_late_in_a_lease_is_not_blamed_for_its_end_after_a_restart() {
    let mut world = World::with_nodes(1);
    world.task_millis = 12_000;
    let terms = JobTerms { lease_seconds: Seconds(20), concurrent_leases: 1, ..terms() };
    let job = world.add_job(1, terms, workload(2));
    world.drain();
    world.pass(15);
    assert_eq!(world.core.job(job).unwrap().tasks.done(), 1);
    world.restart();
    world.drain();
    world.pass(60);
    let tasks = &world.core.job(job).unwrap().tasks;
    assert_eq!((tasks[1].attempt, tasks[1].failures), (2, 0), "it was cut off after eight seconds of twenty");
    assert!(world.finished(job));
}
