//! Leases that are too short for what they do, and get more time once there is money for it.

use millrace_protocol::transitions::{self, JobExtension};
use millrace_protocol::{Address, JobTerms, MicroUsdc, PricePerGpuHour, Seconds, money};
use millrace_spec::{Restart, Service, Shape};

use super::world::*;
use crate::*;

const PRICE: PricePerGpuHour = PricePerGpuHour(100_000);
/// Seconds that the second lease is opened for, with what the first one leaves of the deposit.
const SHORT: u64 = 360;
/// Seconds of a container, and of a task in all: 560 with what is beside the container.
const LIMIT: u64 = 500;
const LACKING: Seconds = Seconds(200);

fn cost(seconds: u64) -> MicroUsdc {
    money::cost(PRICE, millrace_protocol::GpuUnits(1), Seconds(seconds)).unwrap()
}

fn short_of_money() -> JobTerms {
    let deposit = MicroUsdc(cost(600).0 + cost(SHORT).0 + 1);
    JobTerms { maximum_price: PRICE, concurrent_leases: 2, deposit, ..terms() }
}

fn limited(tasks: u32) -> Workload {
    Workload { task_seconds: Some(Seconds(LIMIT)), ..workload(tasks) }
}

fn node(number: u32) -> Address {
    address(b'N', number)
}

fn of_equal_nodes(count: u32) -> World {
    let mut world = World::new();
    for number in 1..=count {
        let node = world.add_node(number, PRICE, hardware());
        world.connect(node);
    }
    world.task_millis = 450_000;
    world
}

/// Two tasks at work, each on a node of its own: the first lease is as long as the job allows, the second is short.
fn opened_short(change: impl FnOnce(&mut JobTerms)) -> (World, Address, Address) {
    let mut world = of_equal_nodes(2);
    let mut terms = short_of_money();
    change(&mut terms);
    let job = world.add_job(1, terms, limited(2));
    world.drain();
    world.pass(4);
    let lease = *world.leases.iter().min_by_key(|(_, view)| view.lease.maximum).unwrap().0;
    assert_eq!(world.leases[&lease].lease.maximum, Seconds(SHORT));
    (world, job, lease)
}

fn money(deposit: u64) -> JobExtension {
    JobExtension { deposit: MicroUsdc(deposit), ..JobExtension::default() }
}

fn proposed(world: &World) -> Vec<(Address, Seconds)> {
    let proposals = world.log.iter().filter_map(|action| match action {
        Action::ProposeExtension { lease, more, .. } => Some((*lease, *more)),
        _ => None,
    });
    proposals.collect()
}

/// Until so many seconds of the lease are left at most.
fn pass_until(world: &mut World, lease: Address, left: u64) {
    while world.core.lease(lease).unwrap().meter.millis + left * 1_000 < world.leases[&lease].lease.maximum.0 * 1_000 {
        world.pass(1);
    }
}

fn length(world: &World, lease: Address) -> Seconds {
    world.leases[&lease].lease.maximum
}

#[test]
fn a_top_up_lengthens_the_lease_that_runs_and_its_task_is_done_under_it() {
    let (mut world, job, lease) = opened_short(|_| ());
    world.top_up(job, money(50_000));
    pass_until(&mut world, lease, SHORT / 2);
    world.pass(2);
    assert_eq!(proposed(&world), [(lease, LACKING)]);
    assert_eq!(length(&world, lease), Seconds(SHORT + LACKING.0));
    world.pass(400);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert_eq!((world.offers().len(), proposed(&world).len()), (2, 1));
    let last = world.settled().into_iter().rfind(|voucher| voucher.lease == lease).unwrap();
    assert!(last.is_final && last.metered > Seconds(SHORT) && last.metered <= Seconds(LIMIT), "{last:?}");
    let paid = world.ended.iter().find(|ended| ended.0 == lease).unwrap().2;
    assert_eq!(paid, cost(last.metered.0));
    world.check_money();
}

#[test]
fn what_another_lease_leaves_lengthens_one_as_well_as_a_top_up() {
    let (mut world, job, lease) = opened_short(|_| ());
    let other = *world.leases.keys().find(|other| **other != lease).unwrap();
    let holder = world.leases[&other].node;
    world.rigs.get_mut(&holder).unwrap().running[0].3 = world.millis + 60_000;
    pass_until(&mut world, lease, SHORT / 2);
    world.pass(2);
    assert_eq!(proposed(&world), [(lease, LACKING)]);
    world.pass(400);
    assert!(world.finished(job));
    assert_eq!(world.offers().len(), 2);
    world.check_money();
}

#[test]
fn a_lease_that_runs_is_given_the_longer_leases_that_its_buyer_allows() {
    let mut world = of_equal_nodes(1);
    let terms = JobTerms { maximum_price: PRICE, concurrent_leases: 1, deposit: cost(700), ..terms() };
    let job = world.add_job(1, terms, limited(2));
    world.drain();
    world.pass(4);
    let lease = world.lease_of(node(1));
    let longer = JobExtension { deposit: cost(1_000), lease_seconds: Seconds(600), ..JobExtension::default() };
    world.top_up(job, longer);
    world.pass(1_000);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert_eq!(world.offers().len(), 1, "both tasks are done under it");
    assert!(proposed(&world).iter().all(|(of, _)| *of == lease));
    let paid = world.ended.iter().find(|ended| ended.0 == lease).unwrap().2;
    assert!(paid > cost(880), "{paid}");
    world.check_money();
}

#[test]
fn nothing_is_proposed_before_half_of_the_lease_is_left() {
    let (mut world, job, lease) = opened_short(|_| ());
    world.top_up(job, money(50_000));
    // The meter moves with heartbeats, every two seconds.
    pass_until(&mut world, lease, SHORT / 2 + 2);
    assert_eq!(proposed(&world), []);
    pass_until(&mut world, lease, SHORT / 2);
    world.pass(1);
    assert_eq!(proposed(&world).len(), 1);
}

#[test]
fn without_money_nothing_is_proposed_and_the_task_is_interrupted_as_ever() {
    let (mut world, job, lease) = opened_short(|_| ());
    pass_until(&mut world, lease, 2);
    world.pass(6);
    assert_eq!(proposed(&world), []);
    let task = world.core.job(job).unwrap().tasks.iter().find(|task| task.last_failure.is_some());
    assert_eq!(task.unwrap().last_failure.as_ref().unwrap().code, "lease-too-short");
}

#[test]
fn a_little_money_is_not_worth_a_transaction() {
    let (mut world, job, lease) = opened_short(|_| ());
    world.top_up(job, money(cost(9).0));
    pass_until(&mut world, lease, 2);
    assert_eq!(proposed(&world), []);
    // Together with what is left of the deposit.
    world.top_up(job, money(cost(10).0 - cost(9).0));
    assert_eq!(proposed(&world), [(lease, Seconds(10))]);
}

#[test]
fn a_lease_gets_as_much_as_the_money_covers_and_the_rest_when_there_is_more() {
    let (mut world, job, lease) = opened_short(|_| ());
    world.top_up(job, money(cost(50).0));
    pass_until(&mut world, lease, SHORT / 2);
    world.pass(2);
    assert_eq!(proposed(&world), [(lease, Seconds(50))]);
    world.top_up(job, money(50_000));
    pass_until(&mut world, lease, 200);
    assert_eq!(proposed(&world), [(lease, Seconds(50)), (lease, Seconds(150))]);
    world.pass(400);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn a_lease_as_long_as_the_job_allows_stays_as_it_is() {
    let mut world = of_equal_nodes(1);
    world.task_millis = 5_000_000;
    let job = world.add_job(1, terms(), Workload { task_seconds: Some(Seconds(6_000)), ..workload(1) });
    world.drain();
    let lease = world.lease_of(node(1));
    world.top_up(job, money(1_000_000));
    pass_until(&mut world, lease, 2);
    assert_eq!((proposed(&world), length(&world, lease)), (vec![], Seconds(600)));
}

#[test]
fn a_task_whose_limit_comes_before_the_leases_end_needs_no_more_time() {
    let mut world = of_equal_nodes(2);
    let limited = Workload { task_seconds: Some(Seconds(SHORT - 60)), ..workload(2) };
    let job = world.add_job(1, short_of_money(), limited);
    world.drain();
    world.pass(4);
    world.top_up(job, money(50_000));
    let lease = *world.leases.iter().min_by_key(|(_, view)| view.lease.maximum).unwrap().0;
    pass_until(&mut world, lease, 2);
    assert_eq!(proposed(&world), []);
}

#[test]
fn a_lease_without_a_task_gets_no_more_time() {
    let (mut world, job, lease) = opened_short(|_| ());
    world.top_up(job, money(50_000));
    let holder = world.leases[&lease].node;
    world.rigs.get_mut(&holder).unwrap().running[0].3 = 0;
    world.pass(200);
    assert_eq!(proposed(&world), []);
    assert!(!world.leases.contains_key(&lease));
}

#[test]
fn a_cancelled_job_extends_nothing() {
    let (mut world, job, lease) = opened_short(|_| ());
    world.top_up(job, money(50_000));
    pass_until(&mut world, lease, SHORT / 2 + 2);
    world.cancel(job);
    world.pass(200);
    assert_eq!(proposed(&world), []);
    world.check_money();
}

#[test]
fn a_lease_that_has_notice_is_not_extended() {
    let (mut world, job, lease) = opened_short(|terms| {
        terms.spot = true;
        terms.maximum_price = PricePerGpuHour(PRICE.0 / 2);
        terms.deposit = MicroUsdc(terms.deposit.0 / 2 + 1);
    });
    world.top_up(job, money(50_000));
    pass_until(&mut world, lease, SHORT / 2 + 4);
    world.change_lease(lease, |job, view, parameters, now| {
        transitions::notice_preemption(&job.job, &mut view.lease, parameters, now).unwrap();
    });
    world.pass(10);
    assert_eq!(proposed(&world), []);
}

#[test]
fn a_silent_workers_lease_is_not_extended_until_it_is_heard_again() {
    let (mut world, job, lease) = opened_short(|_| ());
    pass_until(&mut world, lease, SHORT / 2);
    let holder = world.leases[&lease].node;
    world.disconnect(holder);
    world.pass(30);
    world.top_up(job, money(50_000));
    assert_eq!(proposed(&world), []);
    world.connect(holder);
    world.drain();
    world.pass(4);
    assert_eq!(proposed(&world), [(lease, LACKING)]);
}

#[test]
fn a_rig_that_refuses_is_asked_again_a_minute_later_and_then_after_two() {
    let (mut world, job, lease) = opened_short(|_| ());
    world.top_up(job, money(50_000));
    let holder = world.leases[&lease].node;
    world.rigs.get_mut(&holder).unwrap().refuses_extensions = true;
    pass_until(&mut world, lease, SHORT / 2);
    world.pass(1);
    assert_eq!(proposed(&world).len(), 1);
    world.pass(58);
    assert_eq!(proposed(&world).len(), 1);
    world.pass(3);
    assert_eq!(proposed(&world).len(), 2);
    world.pass(50);
    assert_eq!((proposed(&world).len(), length(&world, lease)), (2, Seconds(SHORT)));
    world.pass(800);
    assert!(world.finished(job), "its task was done under another lease: {:?}", world.explain(job));
    world.check_money();
}

#[test]
fn a_transaction_that_does_not_land_is_tried_again_after_seconds() {
    let (mut world, job, lease) = opened_short(|_| ());
    world.top_up(job, money(50_000));
    world.chain_down = true;
    pass_until(&mut world, lease, SHORT / 2);
    world.pass(1);
    assert_eq!(proposed(&world).len(), 1);
    world.chain_down = false;
    world.pass(8);
    assert_eq!((proposed(&world).len(), length(&world, lease)), (2, Seconds(SHORT + LACKING.0)));
    assert_eq!(world.core.job(job).unwrap().story().promised, MicroUsdc::ZERO);
}

#[test]
fn what_is_proposed_and_not_answered_is_not_proposed_twice_nor_offered_to_others() {
    let (mut world, job, lease) = opened_short(|_| ());
    world.top_up(job, money(50_000));
    pass_until(&mut world, lease, SHORT / 2 + 2);
    let mut n_proposed = 0;
    for _ in 0..10 {
        world.wait_a_second();
        while let Some(event) = world.inbox.pop_front() {
            for action in world.core.on_event(world.now(), event) {
                match action {
                    Action::ProposeExtension { .. } => n_proposed += 1,
                    other => world.carry_out(other),
                }
            }
        }
    }
    assert_eq!(n_proposed, 1);
    let entry = world.core.job(job).unwrap();
    assert_eq!(entry.story().promised, MicroUsdc(cost(SHORT + LACKING.0).0 - cost(SHORT).0));
    let left = entry.view.job.available().unwrap().minus(entry.story().promised).unwrap();
    assert_eq!(entry.spendable(), Ok(left));
    world.feed(Event::ExtensionFailed { lease, failure: OpenFailure::Unanswered });
    assert_eq!(world.core.job(job).unwrap().story().promised, MicroUsdc::ZERO);
    world.pass(8);
    assert_eq!(length(&world, lease), Seconds(SHORT + LACKING.0));
}

#[test]
fn leases_that_are_short_share_what_there_is() {
    let mut world = of_equal_nodes(2);
    world.task_millis = 650_000;
    let terms = JobTerms { deposit: MicroUsdc(2 * cost(600).0), ..short_of_money() };
    let job = world.add_job(1, terms, Workload { task_seconds: Some(Seconds(700)), ..workload(2) });
    world.drain();
    world.pass(4);
    world.top_up(job, JobExtension { lease_seconds: Seconds(600), ..money(cost(100).0 + 2) });
    let lease = world.lease_of(node(1));
    pass_until(&mut world, lease, 298);
    let leases: Vec<Address> = world.leases.keys().copied().collect();
    assert_eq!(proposed(&world), leases.into_iter().map(|lease| (lease, Seconds(50))).collect::<Vec<_>>());
    world.top_up(job, money(50_000));
    world.pass(600);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert_eq!(world.offers().len(), 2);
    world.check_money();
}

#[test]
fn killed_around_a_proposal_it_ends_the_same_and_no_second_is_lost() {
    let (mut before, job, lease) = opened_short(|_| ());
    before.top_up(job, money(50_000));
    pass_until(&mut before, lease, SHORT / 2 + 2);
    for survives in [None, Some(0), Some(1)] {
        for step in 0..12 {
            let mut world = before.clone();
            if !world.finish_killed_at(job, 40_000, step, survives) {
                continue;
            }
            assert_eq!(world.offers().len(), 2, "killed at {step}, survives {survives:?}");
            let paid = world.ended.iter().find(|ended| ended.0 == lease).unwrap().2;
            assert!(paid > cost(SHORT), "killed at {step}, survives {survives:?}: {paid}");
        }
    }
}

#[test]
fn a_services_replica_has_more_time_before_it_has_a_successor() {
    let mut world = of_equal_nodes(2);
    world.task_millis = u64::MAX / 2;
    let service = Service { replicas: 1, restart: Restart::Always, run_for: None };
    let workload = Workload { task_retries: 0, shape: Some(Shape::Service(service)), ..workload(2) };
    let terms = JobTerms { maximum_price: PRICE, concurrent_leases: 2, deposit: cost(600), retries: 100, ..terms() };
    let job = world.add_job(1, terms, workload);
    world.drain();
    world.pass(4);
    let lease = *world.leases.keys().next().unwrap();
    world.top_up(job, JobExtension { deposit: cost(1_200), lease_seconds: Seconds(900), ..JobExtension::default() });
    world.pass(700);
    assert_eq!((world.offers().len(), length(&world, lease)), (1, Seconds(1_500)));
    // As long as it may be: what follows is a successor.
    world.pass(700);
    assert_eq!(world.offers().len(), 2);
    world.pass(2_000);
    world.check_money();
}

#[test]
fn members_of_a_round_are_not_extended() {
    let mut world = of_equal_nodes(3);
    let verification = millrace_protocol::Verification::Quorum { needed: 2, size: 3 };
    let terms = JobTerms {
        verification,
        payment: millrace_protocol::Payment::OnResult,
        concurrent_leases: 3,
        maximum_price: PRICE,
        deposit: MicroUsdc(3 * cost(600).0 + 10),
        ..terms()
    };
    let job = world.add_job(1, terms, limited(1));
    world.drain();
    world.pass(4);
    assert_eq!(world.leases.len(), 3);
    world.top_up(job, JobExtension { deposit: cost(6_000), lease_seconds: Seconds(600), ..JobExtension::default() });
    world.pass(420);
    assert_eq!(proposed(&world), []);
}
