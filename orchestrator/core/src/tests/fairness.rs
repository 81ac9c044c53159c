use millrace_protocol::{Address, JobTerms, MicroUsdc, PricePerGpuHour};

use super::world::*;
use crate::*;

/// Jobs with many leases, so that only nodes are lacking.
fn greedy() -> JobTerms {
    JobTerms { concurrent_leases: 500, deposit: MicroUsdc(100_000_000), ..terms() }
}

/// A job of the given buyer.
fn add_job_of(world: &mut World, buyer: u32, number: u32, terms: JobTerms, workload: Workload) -> Address {
    let job = world.add_job(number, terms, workload);
    let view = world.jobs.get_mut(&job).unwrap();
    (view.buyer, view.funder) = (address(b'B', buyer), address(b'B', buyer));
    // What was queued named another buyer.
    world.inbox.pop_back();
    world.see_job(job);
    job
}

fn jobs_offered(world: &World) -> Vec<Address> {
    world.offers().iter().map(|offer| offer.job).collect()
}

/// Fifty thousand tasks in a hundred jobs hold every node and wait for more. A single task of somebody else
/// is the next to be placed, in the round in which a node becomes free.
#[test]
fn fifty_thousand_tasks_do_not_keep_another_buyers_one_task_waiting() {
    let mut world = World::with_nodes(3);
    world.task_millis = 600_000;
    for number in 1..=100 {
        add_job_of(&mut world, 1, number, greedy(), workload(500));
    }
    world.drain();
    assert_eq!(world.leases.len(), 3);
    world.pass(5);
    let single = add_job_of(&mut world, 2, 1_000, terms(), workload(1));
    world.drain();
    let before = jobs_offered(&world).len();
    assert!(!jobs_offered(&world).contains(&single), "there is no node yet");
    let node = world.add_node(4, PricePerGpuHour(100_000), hardware());
    world.connect(node);
    world.drain();
    assert_eq!(jobs_offered(&world)[before..], [single], "the very next placement is the other buyer's");
}

/// When a lease of the greedy buyer ends, its node goes to whoever holds less.
#[test]
fn a_node_that_is_given_back_goes_to_the_buyer_who_holds_least() {
    let mut world = World::with_nodes(2);
    world.task_millis = 600_000;
    for number in 1..=100 {
        add_job_of(&mut world, 1, number, greedy(), workload(500));
    }
    world.drain();
    let single = add_job_of(&mut world, 2, 1_000, terms(), workload(1));
    world.drain();
    let before = jobs_offered(&world).len();
    world.cancel(address(b'J', 1));
    world.pass(1);
    assert_eq!(jobs_offered(&world)[before..], [single]);
}

#[test]
fn buyers_with_as_many_jobs_each_get_as_many_nodes_each() {
    let mut world = World::new();
    for number in 0..12 {
        add_job_of(&mut world, number % 3, number, JobTerms { concurrent_leases: 1, ..terms() }, workload(1));
        add_job_of(&mut world, 0, 100 + number, JobTerms { concurrent_leases: 1, ..terms() }, workload(1));
    }
    world.task_millis = 600_000;
    world.drain();
    for number in 1..=6 {
        let node = world.add_node(number, PricePerGpuHour(100_000), hardware());
        world.connect(node);
    }
    world.drain();
    let held: Vec<u64> = (0..3).map(|buyer| world.core.queue.held(address(b'B', buyer))).collect();
    assert_eq!(held, [2, 2, 2]);
}

#[test]
fn a_buyers_own_jobs_go_by_priority() {
    let mut world = World::new();
    let urgent = |priority| Workload { placement: Placement { priority, ..Placement::default() }, ..workload(1) };
    for (number, priority) in [(1, 0), (2, 7), (3, 3)] {
        add_job_of(&mut world, 1, number, terms(), urgent(priority));
    }
    world.task_millis = 600_000;
    world.drain();
    for number in 1..=3 {
        let node = world.add_node(number, PricePerGpuHour(100_000), hardware());
        world.connect(node);
    }
    world.drain();
    assert_eq!(jobs_offered(&world), [2, 3, 1].map(|number| address(b'J', number)));
}

/// Between two leases the greedy buyer holds nothing either, and its jobs are older.
#[test]
fn where_one_node_is_there_a_single_task_comes_after_the_lease_that_is_under_way() {
    let mut world = World::with_nodes(1);
    for number in 1..=5 {
        add_job_of(&mut world, 1, number, JobTerms { concurrent_leases: 1, ..terms() }, workload(1));
    }
    world.drain();
    let single = add_job_of(&mut world, 2, 1_000, terms(), workload(1));
    world.drain();
    world.pass(60);
    let order = jobs_offered(&world);
    assert_eq!((order.len(), order[1]), (6, single), "{order:?}");
}

#[test]
fn priority_wins_nothing_from_a_buyer_who_holds_as_much() {
    let mut world = World::new();
    let urgent = Workload { placement: Placement { priority: 255, ..Placement::default() }, ..workload(1) };
    for number in 1..=2 {
        add_job_of(&mut world, 2, number, terms(), workload(1));
        add_job_of(&mut world, 1, 10 + number, terms(), urgent.clone());
    }
    world.task_millis = 600_000;
    world.drain();
    for number in 1..=4 {
        let node = world.add_node(number, PricePerGpuHour(100_000), hardware());
        world.connect(node);
    }
    world.drain();
    assert_eq!(jobs_offered(&world), [1, 11, 2, 12].map(|number| address(b'J', number)));
}
