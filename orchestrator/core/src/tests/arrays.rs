//! One job of very many tasks, over many leases.

use millrace_protocol::{JobTerms, MicroUsdc, PricePerGpuHour, Seconds};

use super::world::*;

const TASKS: u32 = 10_000;
const LEASES: u16 = 64;

#[test]
fn ten_thousand_tasks_are_each_done_once_over_many_leases() {
    let mut world = World::with_nodes(u32::from(LEASES));
    (world.task_millis, world.is_large) = (1_000, true);
    let terms = JobTerms {
        maximum_price: PricePerGpuHour(10_000_000),
        concurrent_leases: LEASES,
        lease_seconds: Seconds(120),
        deposit: MicroUsdc(100_000_000),
        retries: 10,
        ..terms()
    };
    let job = world.add_job(1, terms, workload(TASKS));
    world.drain();
    assert_eq!(world.leases.len(), usize::from(LEASES));
    world.pass(50);
    let before = world.core.job(job).unwrap().tasks.done();
    world.kill(address(b'N', 1));
    world.pass(u64::from(TASKS / u32::from(LEASES)) + 200);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert!(before > 1_000, "{before} were done when a node was lost");
    let entry = world.core.job(job).unwrap();
    assert_eq!(entry.tasks.done(), TASKS as usize);
    let again = entry.tasks.iter().filter(|task| task.attempt > 1).count();
    assert!((1..=3).contains(&again), "only what the lost node had: {again}");
    let opened = entry.view.job.leases_opened;
    assert!(opened > u32::from(LEASES), "leases end, and others go on: {opened}");
    world.check_money();
}
