use millrace_protocol::transitions::{self, JobExtension};
use millrace_protocol::{Address, JobState, JobTerms, MicroUsdc, PricePerGpuHour, Seconds};
use millrace_spec::{Restart, Service, Shape};

use super::world::*;
use crate::*;

const FOREVER: u64 = u64::MAX / 2;

fn service(replicas: u32, surge: u32) -> Workload {
    let service = Service { replicas, restart: Restart::Always, run_for: None };
    Workload { task_retries: 0, shape: Some(Shape::Service(service)), ..workload(replicas + surge) }
}

fn terms_for(workload: &Workload) -> JobTerms {
    JobTerms { concurrent_leases: u16::try_from(workload.tasks).unwrap(), retries: 100, ..terms() }
}

fn serving(nodes: u32, workload: Workload, change: impl FnOnce(&mut JobTerms)) -> (World, Address) {
    let mut world = World::with_nodes(nodes);
    world.task_millis = FOREVER;
    let mut terms = terms_for(&workload);
    change(&mut terms);
    let job = world.add_job(1, terms, workload);
    world.drain();
    (world, job)
}

fn running(world: &World) -> usize {
    world.rigs.values().map(|rig| rig.running.len()).sum()
}

#[test]
fn as_many_replicas_run_as_asked_for_and_no_more() {
    let (mut world, job) = serving(5, service(3, 1), |_| ());
    world.pass(30);
    assert_eq!((running(&world), world.leases.len()), (3, 3));
    assert!(world.explain(job).blockers.contains(&Blocker::NothingToHandOut));
    let providers: std::collections::BTreeSet<_> = world.leases.values().map(|lease| lease.provider).collect();
    assert_eq!(providers.len(), 3);
}

#[test]
fn replicas_go_to_different_providers_while_there_are_some() {
    for (replicas, expected) in [(2, &[1, 3][..]), (3, &[1, 3, 2])] {
        let mut world = World::new();
        for (number, price) in [(1, 100_000), (2, 110_000), (3, 500_000)] {
            let node = world.add_node(number, PricePerGpuHour(price), hardware());
            if number == 2 {
                world.nodes.get_mut(&node).unwrap().provider = address(b'P', 1);
                world.see_node(node);
            }
            world.connect(node);
        }
        let workload = service(replicas, 0);
        world.add_job(1, terms_for(&workload), workload);
        world.drain();
        let nodes: Vec<_> = world.offers().iter().map(|offer| offer.node).collect();
        let expected: Vec<_> = expected.iter().map(|number| address(b'N', *number)).collect();
        assert_eq!(nodes, expected, "the dearer one first: its provider is another");
    }
}

#[test]
fn a_replica_whose_node_dies_comes_back_elsewhere() {
    let (mut world, job) = serving(4, service(2, 1), |_| ());
    world.pass(10);
    world.kill(address(b'N', 1));
    world.pass(20);
    assert_eq!(running(&world), 2);
    assert!(!world.rigs[&address(b'N', 3)].running.is_empty());
    world.pass(1_000);
    assert_eq!((running(&world), world.outcome(job)), (2, None));
    let failed = world.core.job(job).unwrap().view.job.attempts_failed;
    assert_eq!(failed, 1, "the dead node's lease, by its deadline");
}

#[test]
fn one_that_ends_by_itself_starts_again_later_each_time_and_the_buyer_is_told() {
    let (mut world, job) = serving(1, service(1, 0), |_| ());
    world.pass(3);
    let node = address(b'N', 1);
    for times in 1..=3u32 {
        world.fail_task(node, Fault::Buyer, "exit-1");
        assert_eq!(running(&world), 0);
        let explained = world.explain(job).blockers;
        let told = explained.iter().find_map(|blocker| match blocker {
            Blocker::Restarting { tasks: 1, times, again_at } => Some((*times, *again_at)),
            _ => None,
        });
        let wait = 5_000 << (times - 1);
        assert_eq!(told, Some((times, world.millis + wait)), "{explained:?}");
        assert_eq!(world.core.job(job).unwrap().story().last_failure, Some(cause("exit-1")));
        world.pass(wait / 1_000 - 1);
        assert_eq!(running(&world), 0);
        world.pass(2);
        assert_eq!(running(&world), 1, "time {times}");
    }
    assert_eq!((world.leases.len(), world.outcome(job)), (1, None));
}

#[test]
fn how_often_it_ended_outlives_a_restart_of_the_scheduler() {
    let (mut world, job) = serving(2, service(1, 0), |_| ());
    world.pass(3);
    for _ in 0..4 {
        let node = *world.rigs.iter().find(|(_, rig)| !rig.running.is_empty()).unwrap().0;
        world.fail_task(node, Fault::Buyer, "exit-1");
        world.pass(41);
    }
    let before = world.core.job(job).unwrap().story().restarts.clone();
    assert_eq!(before.iter().next().unwrap().1.times, 4);
    world.restart();
    world.drain();
    assert_eq!(world.core.job(job).unwrap().story().restarts, before);
}

#[test]
fn a_long_wait_is_not_paid_for() {
    let (mut world, job) = serving(1, service(1, 0), |_| ());
    world.pass(3);
    for _ in 0..4 {
        while running(&world) == 0 {
            world.pass(1);
        }
        world.fail_task(address(b'N', 1), Fault::Buyer, "exit-1");
    }
    world.pass(2);
    assert!(world.leases.is_empty(), "forty seconds to wait: {:?}", world.explain(job));
    world.pass(60);
    assert_eq!((running(&world), world.outcome(job)), (1, None));
}

#[test]
fn a_lease_that_ends_has_a_successor_before_that() {
    let (mut world, job) = serving(5, service(2, 1), |_| ());
    world.pass(10);
    assert_eq!(running(&world), 2);
    for _ in 0..1_500 {
        world.pass(1);
        let runs = running(&world);
        assert!((2..=3).contains(&runs), "{runs} run: {:?}", world.explain(job));
    }
    let opened = world.core.job(job).unwrap().view.job.leases_opened;
    assert!((6..=9).contains(&opened), "{opened} leases of ten minutes for two replicas in 25 minutes");
    assert_eq!(world.core.job(job).unwrap().view.job.attempts_failed, 0);
}

#[test]
fn without_a_node_to_spare_the_same_one_goes_on_after_a_gap() {
    let (mut world, job) = serving(2, service(2, 1), |_| ());
    for _ in 0..30 {
        world.pass(60);
        assert!(running(&world) >= 1, "{:?}", world.explain(job));
    }
    assert_eq!(world.outcome(job), None);
    assert!(world.core.job(job).unwrap().view.job.leases_opened >= 4);
}

#[test]
fn the_money_is_never_overspent_and_a_top_up_goes_on_with_it() {
    // 100 000 micro-USDC an hour and half an hour's money.
    let (mut world, job) = serving(1, service(1, 0), |terms| {
        terms.deposit = MicroUsdc(50_000);
        terms.maximum_price = PricePerGpuHour(100_000);
        terms.start_window = Seconds(3_600);
    });
    world.pass(600);
    let runway = world.explain(job).runway.unwrap();
    assert_eq!((runway.leases, runway.hourly), (1, MicroUsdc(100_000)));
    assert!((1_190..=1_210).contains(&runway.lasts.0), "{runway:?}");
    world.pass(1_400);
    let blockers = world.explain(job).blockers;
    assert!(blockers.iter().any(|blocker| matches!(blocker, Blocker::DepositExhausted { .. })), "{blockers:?}");
    assert_eq!((running(&world), world.explain(job).runway), (0, None));
    let paid = world.jobs[&job].job.paid.0 + world.jobs[&job].job.fees.0;
    assert!((46_000..=50_000).contains(&paid), "all but what is worth no lease: {paid}");
    let (now, more) = (world.now().chain, JobExtension { deposit: MicroUsdc(20_000), ..JobExtension::default() });
    transitions::extend_job(&mut world.jobs.get_mut(&job).unwrap().job, more, now).unwrap();
    world.see_job(job);
    world.pass(5);
    assert_eq!(running(&world), 1);
    assert!(world.explain(job).runway.unwrap().lasts.0 > 700);
    world.cancel(job);
    world.pass(30);
    assert!(world.jobs.is_empty());
    world.check_money();
}

#[test]
fn replicas_share_what_is_not_enough_for_all() {
    let (mut world, _) = serving(2, service(2, 0), |terms| {
        terms.maximum_price = PricePerGpuHour(200_000);
        terms.deposit = MicroUsdc(34_000);
    });
    world.pass(5);
    let lengths: Vec<u64> = world.offers().iter().map(|offer| offer.maximum.0).collect();
    assert_eq!(lengths, [600, 312], "half of the money at 100 000 an hour is enough, then the rest");
}

#[test]
fn it_ends_when_the_buyer_says_and_is_refunded() {
    for how in 0..2 {
        let mut workload = service(2, 1);
        if how == 0
            && let Some(Shape::Service(service)) = &mut workload.shape
        {
            service.run_for = Some(Seconds(300));
        }
        let (mut world, job) = serving(4, workload, |_| ());
        world.pass(290);
        assert_eq!(running(&world), 2);
        if how == 1 {
            world.cancel(job);
        }
        world.pass(60);
        let expected = if how == 0 { Outcome::Completed } else { Outcome::Cancelled };
        assert_eq!((world.outcome(job), world.jobs.len(), running(&world)), (Some(&expected), 0, 0));
        assert_eq!(world.closed[&job].job.state, JobState::Done);
        world.check_money();
    }
}

#[test]
fn replicas_may_end_where_only_failures_restart() {
    let mut workload = service(2, 1);
    workload.shape = Some(Shape::Service(Service { replicas: 2, restart: Restart::OnFailure, run_for: None }));
    let (mut world, job) = serving(4, workload, |_| ());
    world.pass(2);
    world.fail_task(address(b'N', 1), Fault::Buyer, "exit-1");
    world.pass(10);
    assert_eq!(running(&world), 2);
    for rig in world.rigs.values_mut() {
        rig.running.iter_mut().for_each(|task| task.3 = 0);
    }
    world.pass(60);
    assert_eq!(world.outcome(job), Some(&Outcome::Completed));
    assert!(world.jobs.is_empty());
}

#[test]
fn a_service_that_is_to_run_for_ages_stops_nobody() {
    let mut workload = service(1, 1);
    if let Some(Shape::Service(service)) = &mut workload.shape {
        service.run_for = Some(Seconds(u64::MAX / 4));
    }
    let (mut world, job) = serving(3, workload, |_| ());
    world.pass(700);
    assert_eq!((running(&world), world.outcome(job)), (1, None));
    assert!(world.core.job(job).unwrap().view.job.leases_opened > 1, "its first lease had a successor");
}
