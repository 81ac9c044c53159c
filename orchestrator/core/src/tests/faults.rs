use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{JobTerms, LeaseOutcome, MicroUsdc};

use super::world::*;
use crate::*;

fn node(number: u32) -> millrace_protocol::Address {
    address(b'N', number)
}

fn assigned(world: &World) -> Vec<(millrace_protocol::Address, u32, u32)> {
    world
        .log
        .iter()
        .filter_map(|action| match action {
            Action::AssignTask { node, task, attempt, .. } => Some((*node, *task, *attempt)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_failing_container_is_tried_again_and_then_fails_the_job() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(3));
    world.drain();
    world.pass(1);
    world.fail_task(node(1), Fault::Buyer, "exit-code");
    assert_eq!(assigned(&world), [(node(1), 0, 1), (node(1), 0, 2)]);
    world.fail_task(node(1), Fault::Buyer, "exit-code");
    assert_eq!(world.outcome(job), Some(&Outcome::Failed(cause("exit-code").into())));
    world.pass(5);
    assert_eq!(world.ended.iter().map(|ended| ended.1).collect::<Vec<_>>(), [LeaseOutcome::Failed]);
    assert!(world.refunds.contains_key(&job));
    world.check_money();
}

#[test]
fn a_nodes_fault_ends_its_lease_and_the_task_goes_elsewhere() {
    let mut world = World::with_nodes(2);
    let job = world.add_job(1, JobTerms { concurrent_leases: 1, ..terms() }, workload(1));
    world.drain();
    world.fail_task(node(1), Fault::Node, "disk-full");
    assert_eq!(assigned(&world), [(node(1), 0, 1), (node(2), 0, 2)]);
    world.pass(10);
    assert!(world.finished(job));
    let outcomes: Vec<_> = world.ended.iter().map(|ended| ended.1).collect();
    assert_eq!(outcomes, [LeaseOutcome::NodeFault, LeaseOutcome::Completed]);
    assert_eq!(world.core.job(job).unwrap().tasks[0].failures, 0);
}

#[test]
fn a_node_that_failed_is_taken_again_when_there_is_no_other() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    world.fail_task(node(1), Fault::Node, "docker");
    world.pass(10);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert_eq!(world.offers().len(), 2);
}

#[test]
fn a_node_that_keeps_failing_uses_up_the_attempts() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, JobTerms { retries: 1, ..terms() }, workload(1));
    world.drain();
    world.fail_task(node(1), Fault::Node, "docker");
    world.pass(1);
    world.fail_task(node(1), Fault::Node, "docker");
    world.pass(10);
    assert_eq!(world.outcome(job), Some(&Outcome::Failed(cause("docker").into())));
    assert!(world.refunds.contains_key(&job));
}

/// The node never ran a container of the job, and says why.
fn cannot_have_the_image(world: &mut World, number: u32) {
    let lease = world.lease_of(node(number));
    world.core.leases.get_mut(&lease).unwrap().meter = Meter::default();
    world.fail_task(node(number), Fault::Image, "image-missing");
}

#[test]
fn an_image_that_has_run_is_not_to_blame_for_nodes_that_cannot_get_it() {
    let mut world = World::with_nodes(4);
    world.task_millis = 20_000;
    let job = world.add_job(1, JobTerms { concurrent_leases: 1, retries: 3, ..terms() }, workload(1));
    world.drain();
    world.fail_task(node(1), Fault::Node, "disk");
    for number in [2, 3] {
        cannot_have_the_image(&mut world, number);
        assert_eq!(world.outcome(job), None, "it ran on the first node");
    }
    world.restart();
    world.drain();
    world.pass(60);
    assert!(world.finished(job), "{:?}", world.outcome(job));
}

#[test]
fn the_nodes_of_one_provider_do_not_blame_an_image() {
    let mut world = World::with_nodes(3);
    world.nodes.get_mut(&node(2)).unwrap().provider = world.nodes[&node(1)].provider;
    world.see_node(node(2));
    let job = world.add_job(1, JobTerms { concurrent_leases: 1, ..terms() }, workload(1));
    world.drain();
    cannot_have_the_image(&mut world, 1);
    cannot_have_the_image(&mut world, 2);
    assert_eq!(world.outcome(job), None, "one of them may lie, and then both do");
    cannot_have_the_image(&mut world, 3);
    assert_eq!(world.outcome(job), Some(&Outcome::Failed(cause("image-missing").into())));
}

#[test]
fn an_image_two_nodes_cannot_get_is_the_buyers_and_costs_nothing() {
    let mut world = World::with_nodes(3);
    let job = world.add_job(1, JobTerms { concurrent_leases: 1, ..terms() }, workload(2));
    world.drain();
    cannot_have_the_image(&mut world, 1);
    assert_eq!(world.outcome(job), None);
    cannot_have_the_image(&mut world, 2);
    assert_eq!(world.outcome(job), Some(&Outcome::Failed(cause("image-missing").into())));
    world.pass(5);
    assert_eq!(world.refunds[&job], terms().deposit);
    assert!(world.ended.iter().all(|ended| ended.2 == MicroUsdc::ZERO));
    assert_eq!(world.ended.last().unwrap().1, LeaseOutcome::Failed);
}

#[test]
fn a_worker_that_stops_what_it_was_not_asked_to_stop_loses_its_lease() {
    let mut world = World::with_nodes(2);
    let job = world.add_job(1, JobTerms { concurrent_leases: 1, ..terms() }, workload(1));
    world.drain();
    world.fail_task(node(1), Fault::Nobody, "stopped");
    assert_eq!(assigned(&world), [(node(1), 0, 1), (node(2), 0, 2)]);
    world.pass(10);
    assert!(world.finished(job));
    assert_eq!(world.core.job(job).unwrap().tasks[0].failures, 0);
    let outcomes: Vec<_> = world.ended.iter().map(|ended| ended.1).collect();
    assert_eq!(outcomes, [LeaseOutcome::NodeFault, LeaseOutcome::Completed]);
}

#[test]
fn tasks_of_a_silent_worker_go_to_others_at_once() {
    let mut world = World::with_nodes(2);
    world.task_millis = 20_000;
    let job = world.add_job(1, terms(), workload(2));
    world.drain();
    world.kill(node(2));
    world.pass(6);
    assert_eq!(world.count(|action| matches!(action, Action::Notice(Notice::WorkerSilent { .. }))), 0);
    world.pass(1);
    assert_eq!(world.count(|action| matches!(action, Action::Notice(Notice::WorkerSilent { .. }))), 1);
    world.pass(60);
    assert!(world.finished(job), "the silent lease does not hold the job up");
    world.check_money();
}

#[test]
fn a_silent_lease_is_paid_what_was_attested_when_the_job_ends_without_it() {
    let mut world = World::with_nodes(2);
    world.task_millis = 20_000;
    world.add_job(1, terms(), workload(2));
    world.drain();
    let lease = world.lease_of(node(2));
    world.pass(10);
    world.kill(node(2));
    world.pass(60);
    let last = world.settled().into_iter().rfind(|voucher| voucher.lease == lease).unwrap();
    assert!(last.is_final && last.exit_class == ExitClass::Completed);
    assert_eq!(last.metered.0, 10);
}

#[test]
fn a_worker_back_in_time_keeps_what_nobody_else_has() {
    let mut world = World::with_nodes(1);
    world.task_millis = 30_000;
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    world.disconnect(node(1));
    world.pass(12);
    assert_eq!(world.core.job(job).unwrap().tasks[0].state, TaskState::Pending);
    world.connect(node(1));
    world.drain();
    assert!(matches!(world.core.job(job).unwrap().tasks[0].state, TaskState::Active { .. }));
    world.pass(30);
    assert!(world.finished(job));
    assert_eq!(assigned(&world).len(), 1);
}

#[test]
fn a_worker_back_too_late_is_told_to_stop() {
    let mut world = World::with_nodes(2);
    world.task_millis = 40_000;
    let job = world.add_job(1, JobTerms { concurrent_leases: 2, ..terms() }, workload(1));
    world.drain();
    world.disconnect(node(1));
    world.pass(10);
    assert_eq!(assigned(&world), [(node(1), 0, 1), (node(2), 0, 2)]);
    world.connect(node(1));
    world.drain();
    let stop = |action: &Action| matches!(action, Action::StopTask { node: stopped, task: 0, attempt: 1, .. } if *stopped == node(1));
    assert_eq!(world.count(stop), 1);
    assert!(world.rigs[&node(1)].running.is_empty());
    world.pass(60);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn a_worker_that_lost_its_task_gets_it_again() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    world.rigs.get_mut(&node(1)).unwrap().running.clear();
    world.disconnect(node(1));
    world.connect(node(1));
    world.drain();
    assert_eq!(assigned(&world), [(node(1), 0, 1), (node(1), 0, 2)]);
    world.pass(10);
    assert!(world.finished(job));
}

#[test]
fn stale_and_repeated_reports_are_acknowledged_and_change_nothing() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(2));
    world.drain();
    let lease = world.lease_of(node(1));
    let done = |attempt| Event::TaskUpdate {
        node: node(1),
        lease,
        task: 0,
        attempt,
        progress: TaskProgress::Done { outputs: Vec::new() },
    };
    let now = world.now();
    for (attempt, state_is_done) in [(7, false), (0, false), (1, true), (1, true)] {
        let actions = world.core.on_event(now, done(attempt));
        let ack = Action::AcknowledgeTask { node: node(1), lease, task: 0, attempt };
        assert!(actions.contains(&ack), "attempt {attempt}");
        let state = world.core.job(job).unwrap().tasks[0].state;
        assert_eq!(state == TaskState::Done { lease }, state_is_done, "attempt {attempt}");
    }
}

#[test]
fn leases_nobody_knows_are_called_over() {
    let mut world = World::with_nodes(1);
    world.drain();
    let unknown = address(b'L', 7);
    world.rigs.get_mut(&node(1)).unwrap().leases.insert(unknown);
    world.heartbeats();
    world.drain();
    assert_eq!(world.count(|action| matches!(action, Action::LeaseOver { lease, .. } if *lease == unknown)), 1);
    assert!(world.rigs[&node(1)].leases.is_empty());
}

#[test]
fn a_lease_that_its_worker_saw_on_chain_first_is_not_called_over() {
    let mut world = World::with_nodes(1);
    world.add_job(1, terms(), workload(1));
    let is_over = |actions: &[Action]| actions.iter().any(|action| matches!(action, Action::LeaseOver { .. }));
    let beat = Event::Heartbeat { node: node(1), leases: vec![address(b'L', 7)] };
    while world.offers().is_empty() {
        let event = world.inbox.pop_front().unwrap();
        world.feed(event);
    }
    let now = world.now();
    assert!(!is_over(&world.core.on_event(now, beat.clone())), "it may be the one that is offered");
    world.drain();
    assert!(is_over(&world.core.on_event(world.now(), beat)), "the offer has become another lease");
}

#[test]
fn another_nodes_report_on_a_lease_is_not_believed() {
    let mut world = World::with_nodes(2);
    let job = world.add_job(1, JobTerms { concurrent_leases: 1, ..terms() }, workload(1));
    world.drain();
    let lease = world.lease_of(node(1));
    let progress = TaskProgress::Done { outputs: Vec::new() };
    world.feed(Event::TaskUpdate { node: node(2), lease, task: 0, attempt: 1, progress });
    world.feed(Event::LeaseReport { node: node(2), lease, result_root: Default::default() });
    assert!(matches!(world.core.job(job).unwrap().tasks[0].state, TaskState::Active { .. }));
}

#[test]
fn an_older_stream_of_a_worker_cannot_disconnect_the_newer() {
    let mut world = World::with_nodes(1);
    world.drain();
    let session = world.rigs[&node(1)].session;
    world.connect(node(1));
    world.drain();
    world.feed(Event::WorkerDisconnected { node: node(1), session });
    assert!(world.core.is_live(world.now(), node(1)));
}

/// Lets 40 seconds pass in which the first node says nothing, on a stream that stays.
fn first_node_is_silent(world: &mut World) {
    for _ in 0..40 {
        world.millis += 1_000;
        let leases = |number| world.rigs.get(&node(number)).map(|rig| rig.leases.iter().copied().collect());
        if let Some(leases) = leases(2) {
            world.inbox.push_back(Event::Heartbeat { node: node(2), leases });
        }
        world.inbox.push_back(Event::Tick);
        world.drain();
    }
}

#[test]
fn a_worker_that_was_silent_stops_what_another_one_has_now() {
    let mut world = World::with_nodes(2);
    world.task_millis = 600_000;
    let job = world.add_job(1, JobTerms { concurrent_leases: 2, ..terms() }, workload(1));
    world.drain();
    first_node_is_silent(&mut world);
    assert_eq!(assigned(&world), [(node(1), 0, 1), (node(2), 0, 2)]);
    let at_work = |world: &World, number| world.rigs[&node(number)].running.len();
    assert_eq!((at_work(&world, 1), at_work(&world, 2)), (1, 1), "nobody could tell the first one");
    world.heartbeats();
    world.drain();
    assert_eq!((at_work(&world, 1), at_work(&world, 2)), (0, 1));
    assert_eq!(world.core.job(job).unwrap().tasks[0].attempt, 2);
}

#[test]
fn a_worker_that_was_silent_goes_on_with_what_nobody_else_has() {
    let mut world = World::with_nodes(1);
    world.task_millis = 600_000;
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    first_node_is_silent(&mut world);
    assert_eq!(world.core.job(job).unwrap().tasks[0].state, TaskState::Pending);
    world.heartbeats();
    world.drain();
    let lease = world.lease_of(node(1));
    assert_eq!(world.core.job(job).unwrap().tasks[0].active_lease(), Some(lease));
    assert_eq!(assigned(&world), [(node(1), 0, 1)]);
    assert_eq!(world.rigs[&node(1)].running.len(), 1);
}

/// Lets a second pass in which every worker speaks, and the first one leaves its leases out.
fn first_node_vouches_for_nothing(world: &mut World, seconds: u32) {
    for _ in 0..seconds {
        world.millis += 1_000;
        let nodes: Vec<_> =
            world.rigs.iter().map(|(node, rig)| (*node, rig.leases.iter().copied().collect())).collect();
        for (at, leases) in nodes {
            let leases = if at == node(1) { Vec::new() } else { leases };
            world.inbox.push_back(Event::Heartbeat { node: at, leases });
        }
        world.inbox.push_back(Event::Tick);
        world.drain();
    }
}

#[test]
fn a_lease_that_its_worker_does_not_vouch_for_is_not_paid_and_its_task_goes_to_another() {
    let mut world = World::with_nodes(2);
    world.task_millis = 600_000;
    let job = world.add_job(1, JobTerms { concurrent_leases: 2, ..terms() }, workload(1));
    world.drain();
    let lease = world.lease_of(node(1));
    let metered = |world: &World| world.core.leases[&lease].meter.millis;
    world.pass(10);
    let before = metered(&world);
    first_node_vouches_for_nothing(&mut world, 40);
    assert_eq!(metered(&world), before, "not a second more");
    assert_eq!(assigned(&world), [(node(1), 0, 1), (node(2), 0, 2)]);
    assert!(world.core.is_live(world.now(), node(1)), "only its lease is not heard of");
    assert_eq!(world.rigs[&node(1)].running.len(), 0, "it was told to stop, should it run");
    world.pass(5);
    world.pass(700);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn a_lease_that_is_vouched_for_again_in_time_keeps_its_task() {
    let mut world = World::with_nodes(1);
    world.task_millis = 60_000;
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    first_node_vouches_for_nothing(&mut world, 4);
    world.pass(60);
    assert!(world.finished(job));
    assert_eq!(assigned(&world), [(node(1), 0, 1)]);
    world.check_money();
}
