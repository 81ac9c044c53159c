use millrace_protocol::Seconds;
use millrace_spec::Retry;

use super::world::*;
use crate::*;

fn retrying(backoff: u64, fatal: &[u8], uncounted: &[u8]) -> Workload {
    let retry = Retry {
        backoff: Seconds(backoff),
        fatal_exit_codes: fatal.to_vec(),
        longest_backoff: Seconds(60),
        uncounted_exit_codes: uncounted.to_vec(),
    };
    Workload { retry: Some(retry), task_retries: 2, ..workload(1) }
}

fn busy(world: &World) -> Option<millrace_protocol::Address> {
    world.rigs.iter().find(|(_, rig)| !rig.running.is_empty()).map(|(node, _)| *node)
}

fn fail(world: &mut World, code: &str) {
    let node = busy(world).unwrap();
    world.fail_task(node, Fault::Buyer, code);
}

#[test]
fn a_task_that_failed_waits_before_it_runs_again_and_says_so() {
    let mut world = World::with_nodes(1);
    world.task_millis = 100_000;
    let job = world.add_job(1, terms(), retrying(10, &[], &[]));
    world.pass(3);
    fail(&mut world, "exit-1");
    let again_at = world.millis + 10_000;
    assert_eq!(world.explain(job).blockers[0], Blocker::Restarting { tasks: 1, times: 1, again_at });
    world.pass(9);
    assert_eq!(busy(&world), None);
    world.pass(2);
    assert!(busy(&world).is_some());
    fail(&mut world, "exit-1");
    world.restart();
    world.drain();
    world.pass(18);
    assert_eq!(busy(&world), None, "twenty seconds now, and a restart of the scheduler does not shorten them");
    world.pass(4);
    assert!(busy(&world).is_some());
    fail(&mut world, "exit-1");
    assert!(matches!(world.outcome(job), Some(Outcome::Failed(cause)) if cause.code == "exit-1"));
    world.pass(60);
    assert!(world.jobs.is_empty());
    world.check_money();
}

#[test]
fn some_codes_end_the_job_at_once_and_some_do_not_count() {
    let mut world = World::with_nodes(1);
    world.task_millis = 100_000;
    let job = world.add_job(1, terms(), retrying(5, &[64], &[75]));
    for _ in 0..5 {
        while busy(&world).is_none() {
            world.pass(1);
        }
        fail(&mut world, "exit-75");
    }
    assert_eq!((world.outcome(job), world.core.job(job).unwrap().tasks[0].failures), (None, 0));
    while busy(&world).is_none() {
        world.pass(1);
    }
    fail(&mut world, "exit-64");
    assert!(matches!(world.outcome(job), Some(Outcome::Failed(cause)) if cause.code == "exit-64"));
}

#[test]
fn a_fault_of_the_node_neither_waits_nor_ends_the_job() {
    let mut world = World::with_nodes(2);
    world.task_millis = 100_000;
    let job = world.add_job(1, terms(), retrying(60, &[1], &[]));
    world.pass(3);
    let node = busy(&world).unwrap();
    world.fail_task(node, Fault::Node, "exit-1");
    world.pass(5);
    assert!(busy(&world).is_some_and(|other| other != node), "{:?}", world.explain(job));
}
