//! Killed at each of its answers, with its records and without: gangs, services and jobs after jobs end as they would
//! have. For jobs whose tasks run one by one see [`super::restart`], for rounds [`super::quorums`].

use millrace_protocol::{Address, JobTerms, LeaseOutcome, Seconds};
use millrace_spec::{After, Condition, Gang, Locality, Restart, Service, Shape};

use super::world::*;
use crate::*;

/// How many steps there are to die at, each once with nothing of the answer left, once with its records, and once with
/// each number of the actions that follow them.
fn killed_at_each(run: impl Fn(usize, Option<usize>) -> bool) -> usize {
    let lost = (0..).take_while(|step| run(*step, None)).count();
    let mut written = 0;
    while run(written, Some(0)) {
        (1..).take_while(|count| run(written, Some(*count))).for_each(drop);
        written += 1;
    }
    assert!(lost > 20 && written > 20, "{lost} and {written} steps");
    written
}

/// Nobody did anything wrong, whenever the scheduler died.
fn check_ended(world: &World, at: (usize, Option<usize>)) {
    let well = |outcome| matches!(outcome, LeaseOutcome::Completed | LeaseOutcome::Released);
    assert!(world.ended.iter().all(|ended| well(ended.1)), "killed at {at:?}: {:?}", world.ended);
}

fn made(world: &World, job: Address) -> Vec<Vec<Output>> {
    world.core.job(job).unwrap().tasks.iter().map(|task| task.outputs.clone()).collect()
}

/// That its tasks start all together, or not at all, [`World`] sees to at each hand-out.
#[test]
fn a_gang() {
    killed_at_each(|step, survives| {
        let mut world = World::with_nodes(3);
        let shape = Some(Shape::Gang(Gang { locality: Locality::Region }));
        let job = world.add_job(1, JobTerms { concurrent_leases: 3, ..terms() }, Workload { shape, ..workload(3) });
        if !world.finish_killed_at(job, 4_000, step, survives) {
            return false;
        }
        check_ended(&world, (step, survives));
        assert_eq!(made(&world, job), [0, 1, 2].map(|task| vec![output_of(task, false)]));
        assert!(world.ended.len() >= 3);
        true
    });
}

#[test]
fn a_service_whose_lease_is_handed_over() {
    killed_at_each(|step, survives| {
        let mut world = World::with_nodes(2);
        world.task_millis = 600_000;
        // A lease of 20 s has its successor after 15 s.
        let service = Service { replicas: 1, restart: Restart::Always, run_for: Some(Seconds(45)) };
        let workload = Workload { shape: Some(Shape::Service(service)), task_retries: 0, ..workload(2) };
        let terms = JobTerms { concurrent_leases: 2, lease_seconds: Seconds(20), retries: 20, ..terms() };
        let job = world.add_job(1, terms, workload);
        if !world.finish_killed_at(job, 4_000, step, survives) {
            return false;
        }
        check_ended(&world, (step, survives));
        assert!(world.ended.len() >= 2, "killed at {step}, survives {survives:?}: nobody succeeded the first lease");
        true
    });
}

/// That no lease of the second is opened before the first one's end is on disk, [`World`] sees to at each award.
#[test]
fn a_job_after_another() {
    killed_at_each(|step, survives| {
        let mut world = World::with_nodes(2);
        let first = world.add_job(1, terms(), workload(2));
        let after = vec![After { job: first, on: Condition::Completed }];
        let second = world.add_job(2, terms(), Workload { after, ..workload(1) });
        if !world.finish_killed_at(second, 4_000, step, survives) {
            return false;
        }
        check_ended(&world, (step, survives));
        assert!(world.finished(first));
        assert_eq!(made(&world, first), [0, 1].map(|task| vec![output_of(task, false)]));
        assert_eq!(made(&world, second), [vec![output_of(0, false)]]);
        true
    });
}
