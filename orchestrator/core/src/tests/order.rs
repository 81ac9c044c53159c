use millrace_protocol::{Address, JobTerms, Seconds};
use millrace_spec::{After, Condition};

use super::world::*;
use crate::*;

fn after(jobs: &[(u32, Condition)]) -> Workload {
    let after = jobs.iter().map(|(number, on)| After { job: address(b'J', *number), on: *on }).collect();
    Workload { after, ..workload(1) }
}

fn failed_for(world: &World, job: Address) -> Option<String> {
    match world.outcome(job) {
        Some(Outcome::Failed(cause)) => Some(cause.code.clone()),
        _ => None,
    }
}

#[test]
fn a_job_starts_when_those_before_it_have_completed_and_says_whom_it_waits_for() {
    let mut world = World::with_nodes(4);
    world.task_millis = 30_000;
    let (first, second) = (world.add_job(1, terms(), workload(1)), world.add_job(2, terms(), workload(2)));
    let last = world.add_job(3, terms(), after(&[(1, Condition::Completed), (2, Condition::Completed)]));
    world.drain();
    assert!(world.leases.values().all(|lease| lease.job != last));
    assert_eq!(world.explain(last).blockers[0], Blocker::After { job: first, known: true });
    world.task_millis = 300_000;
    world.restart();
    world.pass(20);
    assert!(world.leases.values().all(|lease| lease.job != last), "nor after a restart");
    world.pass(60);
    assert!(world.core.job(first).unwrap().all_done() && world.core.job(second).unwrap().all_done());
    assert!(world.leases.values().any(|lease| lease.job == last));
    world.pass(400);
    assert!(world.finished(last));
}

#[test]
fn one_that_waits_for_an_end_takes_any_and_one_that_waits_for_success_is_refused() {
    let mut world = World::with_nodes(4);
    world.task_millis = 30_000;
    let first = world.add_job(1, terms(), workload(1));
    let any = world.add_job(2, terms(), after(&[(1, Condition::Ended)]));
    let success = world.add_job(3, terms(), after(&[(1, Condition::Completed)]));
    world.pass(5);
    world.cancel(first);
    world.pass(10);
    assert!(world.leases.values().any(|lease| lease.job == any));
    assert_eq!(failed_for(&world, success), Some("dependency-failed".to_owned()));
    world.pass(1_000);
    assert!(world.jobs.is_empty(), "what is refused expires and is refunded");
    assert_eq!(world.refunds[&success], terms().deposit);
    world.check_money();
}

#[test]
fn jobs_that_wait_for_each_other_are_refused() {
    let mut world = World::with_nodes(2);
    let ring = [(1, 2), (2, 3), (3, 1)];
    let jobs = ring.map(|(number, first)| world.add_job(number, terms(), after(&[(first, Condition::Ended)])));
    let itself = world.add_job(4, terms(), after(&[(4, Condition::Ended)]));
    world.pass(3);
    assert!(world.offers().is_empty() || world.offers().iter().all(|offer| offer.job != itself));
    assert_eq!(failed_for(&world, itself), Some("dependency-cycle".to_owned()));
    let refused = jobs.iter().filter(|job| failed_for(&world, **job) == Some("dependency-cycle".to_owned())).count();
    assert!(refused >= 1, "one of them is refused, and the others see its end");
}

#[test]
fn a_job_nobody_has_seen_is_waited_for_and_then_refused() {
    let mut world = World::with_nodes(2);
    let late = world.add_job(2, terms(), after(&[(1, Condition::Completed)]));
    let lost = world.add_job(3, terms(), after(&[(9, Condition::Completed)]));
    world.pass(60);
    assert_eq!(world.explain(lost).blockers[0], Blocker::After { job: address(b'J', 9), known: false });
    world.add_job(1, terms(), workload(1));
    world.pass(90);
    assert!(world.finished(late), "{:?}", world.explain(late));
    assert_eq!(failed_for(&world, lost), Some("dependency-unknown".to_owned()));
}

#[test]
fn a_job_that_waits_too_long_expires() {
    let mut world = World::with_nodes(2);
    world.task_millis = 500_000;
    world.add_job(1, terms(), workload(1));
    let terms = JobTerms { start_window: Seconds(100), ..terms() };
    let hasty = world.add_job(2, terms, after(&[(1, Condition::Completed)]));
    world.pass(150);
    assert_eq!((world.outcome(hasty), world.refunds[&hasty]), (Some(&Outcome::Expired), terms.deposit));
}
