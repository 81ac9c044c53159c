//! Spot leases that are ended for jobs at the posted price.

use millrace_protocol::{
    Address, GpuUnits, Hardware, JobTerms, LeaseOutcome, PricePerGpuHour, Requirements, Seconds, transitions,
};
use millrace_spec::{Restart, Retry, Service, Shape};

use super::world::*;
use crate::*;

/// Seconds until notice is given, and until it is over.
const PATIENCE: u64 = 20;
const NOTICE: u64 = 60;

fn node(number: u32) -> Address {
    address(b'N', number)
}

fn spot() -> JobTerms {
    JobTerms { spot: true, concurrent_leases: 1, ..terms() }
}

fn firm() -> JobTerms {
    JobTerms { concurrent_leases: 1, ..terms() }
}

fn asking_for(units: u16, terms: JobTerms) -> JobTerms {
    let requirements = Requirements { units: GpuUnits(units), ..terms.requirements };
    JobTerms { requirements, deposit: millrace_protocol::MicroUsdc(50_000_000), ..terms }
}

/// One node, held by a spot job of long tasks since ten seconds.
fn held() -> (World, Address, Address) {
    let mut world = World::with_nodes(1);
    world.task_millis = 1_000_000;
    let victim = world.add_job(1, spot(), workload(1));
    world.drain();
    world.pass(10);
    let lease = world.lease_of(node(1));
    (world, victim, lease)
}

fn notices(world: &World) -> Vec<Address> {
    let given = world.log.iter().filter_map(|action| match action {
        Action::NoticePreemption { lease } => Some(*lease),
        _ => None,
    });
    given.collect()
}

fn holder(world: &World, node: Address) -> Option<Address> {
    world.leases.values().find(|view| view.node == node && view.lease.state.is_live()).map(|view| view.job)
}

/// Both jobs are done, whatever happens in between, and the money adds up.
#[track_caller]
fn all_end(mut world: World) {
    world.task_millis = 3_000;
    world.rigs.values_mut().for_each(|rig| rig.running.iter_mut().for_each(|task| task.3 = 0));
    for _ in 0..200 {
        world.pass(10);
        if world.jobs.is_empty() {
            break;
        }
    }
    assert!(world.jobs.is_empty(), "{:?}", world.core.jobs().map(|(job, _)| world.explain(job)).collect::<Vec<_>>());
    world.check_money();
}

#[test]
fn a_spot_lease_has_notice_and_its_node_goes_to_the_job_that_pays_the_posted_price() {
    let (mut world, victim, lease) = held();
    let job = world.add_job(2, firm(), workload(1));
    world.drain();
    world.pass(PATIENCE);
    assert!(notices(&world).is_empty(), "a node may come free by itself");
    world.pass(1);
    assert_eq!(notices(&world), [lease]);
    let until = world.leases[&lease].lease.preempted_at;
    assert_eq!(until, world.now().chain.after(Seconds(NOTICE)).unwrap());
    assert_eq!(world.explain(job).blockers[0], Blocker::AwaitsNotice { node: node(1), leases: 1, until });
    world.pass(NOTICE - 1);
    assert_eq!(holder(&world, node(1)), Some(victim), "it has the whole notice");
    // Its own task is done again elsewhere, and nobody is to blame.
    world.pass(3);
    assert_eq!(holder(&world, node(1)), Some(job));
    assert_eq!(world.ended[0].1, LeaseOutcome::Released);
    let entry = world.core.job(victim).unwrap();
    assert_eq!((entry.tasks[0].state, entry.tasks[0].failures), (TaskState::Pending, 0));
    assert_eq!(entry.tasks[0].last_failure.as_ref().unwrap().code, "preempted");
    assert!(entry.story().failed_nodes.is_empty() && world.jobs[&victim].job.attempts_failed == 0);
    let paid = world.settled().iter().filter(|voucher| voucher.lease == lease).map(|voucher| voucher.metered.0).max();
    assert!(paid.is_some_and(|paid| (88..=91).contains(&paid)), "{paid:?} seconds, and none past the notice");
    all_end(world);
}

fn told(world: &World) -> Vec<(Address, Seconds)> {
    let told = world.log.iter().filter_map(|action| match action {
        Action::TellNotice { lease, left, .. } => Some((*lease, *left)),
        _ => None,
    });
    told.collect()
}

#[test]
fn the_worker_hears_of_a_notice_as_soon_as_it_is_on_chain_and_until_the_lease_ends() {
    let (mut world, _, lease) = held();
    world.add_job(2, firm(), workload(1));
    world.drain();
    world.pass(PATIENCE + 1);
    assert_eq!(told(&world)[0], (lease, Seconds(NOTICE)));
    world.pass(NOTICE - 1);
    let all = told(&world);
    assert!(all.len() > 3 && all.iter().all(|(of, _)| *of == lease), "with each heartbeat: {all:?}");
    assert!(all.is_sorted_by(|one, next| one.1 >= next.1), "{all:?}");
    world.pass(3);
    let ended = told(&world).len();
    world.pass(30);
    assert_eq!(told(&world).len(), ended, "nobody is told of what is over");
    all_end(world);
}

#[test]
fn a_worker_that_comes_back_hears_of_the_notice_first() {
    let (mut world, _, lease) = held();
    world.add_job(2, firm(), workload(1));
    world.drain();
    world.pass(PATIENCE + 1);
    assert_eq!(notices(&world), [lease]);
    world.disconnect(node(1));
    world.drain();
    world.log.clear();
    world.pass(5);
    assert!(told(&world).is_empty(), "nobody is there to hear it");
    world.connect(node(1));
    world.drain();
    assert_eq!(told(&world)[0].0, lease);
    // Nor does an orchestrator forget it.
    world.log.clear();
    world.restart();
    world.drain();
    assert_eq!(told(&world).first().map(|told| told.0), Some(lease));
    all_end(world);
}

#[test]
fn a_task_that_left_with_its_notice_goes_on_elsewhere_and_counts_against_nobody() {
    let (mut world, victim, lease) = held();
    world.leaves_on_notice = true;
    let job = world.add_job(2, firm(), workload(1));
    world.drain();
    world.pass(PATIENCE + 3);
    assert_eq!(holder(&world, node(1)), Some(job), "the node is free the sooner");
    let entry = world.core.job(victim).unwrap();
    assert_eq!((entry.tasks[0].state, entry.tasks[0].failures), (TaskState::Pending, 0));
    assert_eq!(entry.tasks[0].last_failure.as_ref().unwrap().code, "preempted");
    assert!(entry.story().failed_nodes.is_empty() && world.jobs[&victim].job.attempts_failed == 0);
    assert_eq!(world.ended[0].1, LeaseOutcome::Released);
    let paid = world.settled().iter().filter(|voucher| voucher.lease == lease).map(|voucher| voucher.metered.0).max();
    assert!(paid.is_some_and(|paid| (29..=34).contains(&paid)), "{paid:?} seconds: what it ran");
    all_end(world);
}

#[test]
fn a_worker_that_leaves_without_a_notice_is_at_fault() {
    let (mut world, victim, _) = held();
    world.fail_task(node(1), Fault::Nobody, "preempted");
    assert!(world.core.job(victim).unwrap().story().failed_nodes.contains(&node(1)));
    all_end(world);
}

#[test]
fn nothing_is_handed_out_under_a_lease_with_notice() {
    let mut world = World::with_nodes(1);
    (world.task_millis, world.leaves_on_notice) = (1_000_000, true);
    world.add_job(1, spot(), workload(3));
    world.drain();
    world.pass(10);
    let lease = world.lease_of(node(1));
    world.add_job(2, firm(), workload(1));
    world.drain();
    world.pass(PATIENCE + NOTICE);
    let since = world.log.iter().position(|action| matches!(action, Action::TellNotice { .. })).unwrap();
    let handed_out = |action: &Action| matches!(action, Action::AssignTask { lease: to, .. } if *to == lease);
    assert!(!world.log[since..].iter().any(handed_out));
    all_end(world);
}

#[test]
fn the_freed_node_is_kept_from_spot_jobs_that_come_first() {
    let (mut world, ..) = held();
    let job = world.add_job(2, firm(), workload(1));
    world.drain();
    // Each would be first by what its buyer holds.
    for number in 3..6 {
        world.add_job(number, spot(), workload(1));
    }
    world.pass(PATIENCE + NOTICE + 3);
    assert_eq!(holder(&world, node(1)), Some(job));
    all_end(world);
}

#[test]
fn a_lease_at_the_posted_price_is_never_ended_for_another() {
    let mut world = World::with_nodes(1);
    world.task_millis = 300_000;
    world.add_job(1, firm(), workload(1));
    world.drain();
    let job = world.add_job(2, firm(), workload(1));
    world.add_job(3, spot(), workload(1));
    world.drain();
    world.pass(250);
    assert!(notices(&world).is_empty());
    assert!(world.explain(job).blockers.is_empty());
    all_end(world);
}

#[test]
fn nobody_is_ended_for_a_job_that_another_node_fits_or_that_none_would_fit() {
    let mut world = World::with_nodes(2);
    world.task_millis = 300_000;
    world.add_job(1, spot(), workload(1));
    world.add_job(2, firm(), workload(1));
    world.drain();
    let unfit = Requirements { vram_mib: 100_000, ..terms().requirements };
    world.add_job(3, JobTerms { requirements: unfit, ..firm() }, workload(1));
    world.add_job(4, JobTerms { maximum_price: PricePerGpuHour(99_999), ..firm() }, workload(1));
    world.drain();
    world.pass(250);
    assert!(notices(&world).is_empty());
}

#[test]
fn a_lease_that_ends_soon_anyway_is_waited_for() {
    let mut world = World::with_nodes(2);
    world.task_millis = 65_000;
    world.add_job(1, JobTerms { lease_seconds: Seconds(70), ..firm() }, workload(1));
    world.drain();
    world.task_millis = 1_000_000;
    world.add_job(2, spot(), workload(1));
    world.drain();
    world.pass(10);
    let job = world.add_job(3, firm(), workload(1));
    world.drain();
    world.pass(60);
    assert!(notices(&world).is_empty());
    assert_eq!(holder(&world, node(1)), Some(job));
    all_end(world);
}

/// Whoever took the node that was about to be free: nobody waits for the next one for ever.
#[test]
fn what_ends_soon_is_waited_for_no_longer_than_a_notice() {
    let mut world = World::with_nodes(3);
    world.task_millis = 1_000_000;
    // Its lease is over, and it has the next one at once: whoever waits holds a node already.
    world.add_job(1, JobTerms { lease_seconds: Seconds(60), ..firm() }, Workload { task_retries: 9, ..workload(1) });
    let victim = world.add_job(2, spot(), workload(1));
    world.drain();
    world.pass(10);
    let job = world.add_job(3, JobTerms { concurrent_leases: 2, ..firm() }, workload(2));
    world.drain();
    world.pass(PATIENCE + NOTICE);
    assert!(notices(&world).is_empty());
    world.pass(2);
    assert_eq!(notices(&world).len(), 1);
    assert_eq!(world.leases[&notices(&world)[0]].job, victim);
    world.pass(NOTICE + 3);
    assert_eq!(holder(&world, node(2)), Some(job));
    all_end(world);
}

#[test]
fn of_a_rig_those_are_ended_by_whom_the_least_is_lost_and_no_more_than_needed() {
    let mut world = World::new();
    world.task_millis = 1_000_000;
    let rig = Hardware { gpu_count: 8, cpu_cores: 64, memory_mib: 262_144, ..hardware() };
    world.add_node(1, PricePerGpuHour(100_000), rig);
    world.connect(node(1));
    let mut leases = Vec::new();
    for (number, units) in [(1, 1), (2, 4), (3, 1), (4, 2)] {
        let job = world.add_job(number, asking_for(units, spot()), workload(1));
        world.drain();
        world.pass(20);
        leases.push(lease_address(job, world.jobs[&job].opened_slot, 0));
    }
    let job = world.add_job(5, asking_for(2, firm()), workload(1));
    world.drain();
    world.pass(PATIENCE + 1);
    assert_eq!(notices(&world), [leases[3]], "the youngest has the two");
    let second = world.add_job(6, asking_for(3, firm()), workload(1));
    world.drain();
    world.pass(PATIENCE + 1);
    let given: Vec<Address> = notices(&world)[1..].to_vec();
    assert_eq!(given, [leases[1]], "one of four units rather than two small ones that are not enough");
    world.pass(NOTICE + 3);
    let live = |job| world.leases.values().any(|view| view.job == job && view.lease.state.is_live());
    assert!(live(job) && live(second));
    all_end(world);
}

#[test]
fn two_jobs_have_a_node_each() {
    let mut world = World::with_nodes(2);
    world.task_millis = 1_000_000;
    for number in 1..=2 {
        world.add_job(number, spot(), workload(1));
    }
    world.drain();
    let jobs = [3, 4].map(|number| world.add_job(number, firm(), workload(1)));
    world.drain();
    world.pass(PATIENCE + 1);
    assert_eq!(notices(&world).len(), 2);
    world.pass(NOTICE + 3);
    let mut holders = [1, 2].map(|number| holder(&world, node(number)).unwrap());
    holders.sort_unstable();
    assert_eq!(holders, jobs);
    assert_eq!(notices(&world).len(), 2);
    all_end(world);
}

#[test]
fn a_victim_that_ends_by_itself_before_its_notice_lands_leaves_the_node_to_the_job() {
    let (mut world, victim, _) = held();
    let job = world.add_job(2, firm(), workload(1));
    world.drain();
    world.chain_down = true;
    world.pass(PATIENCE + 2);
    assert!(!notices(&world).is_empty(), "none has landed");
    world.cancel(victim);
    world.chain_down = false;
    world.pass(12);
    assert_eq!(holder(&world, node(1)), Some(job));
    all_end(world);
}

#[test]
fn a_notice_that_does_not_land_is_given_again() {
    let (mut world, _, lease) = held();
    world.add_job(2, firm(), workload(1));
    world.drain();
    world.chain_down = true;
    world.pass(PATIENCE + 10);
    let tries = notices(&world).len();
    assert!((2..6).contains(&tries), "{tries} tries, each later than the one before");
    world.chain_down = false;
    world.pass(10);
    assert!(world.leases[&lease].lease.preempted_at.0 > 0);
    all_end(world);
}

#[test]
fn a_job_that_is_cancelled_meanwhile_keeps_nothing() {
    let (mut world, victim, lease) = held();
    let job = world.add_job(2, firm(), workload(1));
    world.drain();
    world.pass(PATIENCE + 2);
    world.cancel(job);
    assert!(world.core.reservations.is_empty());
    // A notice cannot be taken back; the node goes to whoever is next, and that is the same job.
    world.pass(NOTICE + 3);
    assert!(!world.leases.contains_key(&lease));
    assert_eq!(holder(&world, node(1)), Some(victim));
    all_end(world);
}

#[test]
fn a_job_that_finds_another_node_first_lets_the_kept_one_go() {
    let (mut world, victim, _) = held();
    let job = world.add_job(2, firm(), workload(1));
    world.drain();
    world.pass(PATIENCE + 2);
    let other = world.add_node(2, PricePerGpuHour(400_000), hardware());
    world.connect(other);
    world.drain();
    world.pass(2);
    assert_eq!(holder(&world, other), Some(job));
    assert!(world.core.reservations.is_empty());
    world.pass(NOTICE + 3);
    assert_eq!(holder(&world, node(1)), Some(victim));
    all_end(world);
}

#[test]
fn a_node_that_is_lost_meanwhile_is_kept_for_nobody_and_one_that_comes_back_soon_is() {
    for away in [30, 70] {
        let (mut world, ..) = held();
        let job = world.add_job(2, firm(), workload(1));
        world.drain();
        world.pass(PATIENCE + 2);
        world.disconnect(node(1));
        world.pass(away);
        let kept = world.core.reservations.contains_key(&job);
        assert_eq!(kept, away < 60);
        if kept {
            assert!(matches!(world.explain(job).blockers[0], Blocker::AwaitsNotice { leases: 1, .. }));
        }
        world.connect(node(1));
        world.pass(NOTICE + 10);
        assert_eq!(holder(&world, node(1)), Some(job), "away for {away} s");
        assert_eq!(notices(&world).len(), 1, "what has notice needs no other one");
        all_end(world);
    }
}

#[test]
fn a_node_that_refuses_the_job_is_not_cleared_for_it_again_and_again() {
    let (mut world, _, _) = held();
    let job = world.add_job(2, firm(), workload(1));
    world.drain();
    world.pass(PATIENCE + 2);
    world.rigs.get_mut(&node(1)).unwrap().refuses = true;
    world.pass(NOTICE + 3);
    assert!(world.offers().iter().any(|offer| offer.job == job));
    world.rigs.get_mut(&node(1)).unwrap().refuses = false;
    // The spot job has the node again, and keeps it.
    world.pass(10);
    assert_ne!(holder(&world, node(1)), Some(job));
    world.pass(200);
    assert_eq!(notices(&world).len(), 1);
    all_end(world);
}

#[test]
fn a_service_has_its_successor_before_the_notice_is_over() {
    let mut world = World::with_nodes(1);
    world.task_millis = 1_000_000;
    let service = Shape::Service(Service { replicas: 1, restart: Restart::Always, run_for: Some(Seconds(900)) });
    let spare = JobTerms { spot: true, concurrent_leases: 2, maximum_price: PricePerGpuHour(100_000), ..terms() };
    let victim = world.add_job(1, spare, Workload { shape: Some(service), ..workload(2) });
    world.drain();
    world.pass(10);
    let job = world.add_job(2, JobTerms { maximum_price: PricePerGpuHour(100_000), ..firm() }, workload(1));
    world.drain();
    world.pass(PATIENCE + 2);
    assert_eq!(notices(&world).len(), 1);
    // Too dear for the other job, not for a spot lease.
    let other = world.add_node(2, PricePerGpuHour(200_000), hardware());
    world.connect(other);
    world.drain();
    world.pass(20);
    assert_eq!((holder(&world, other), holder(&world, node(1))), (Some(victim), Some(job)), "without a gap");
    all_end(world);
}

#[test]
fn whoever_has_notice_gets_no_further_task_and_waits_for_no_retry() {
    let mut world = World::with_nodes(1);
    world.task_millis = 40_000;
    let retry = Retry {
        backoff: Seconds(600),
        fatal_exit_codes: vec![143],
        longest_backoff: Seconds(600),
        uncounted_exit_codes: Vec::new(),
    };
    let victim = world.add_job(1, spot(), Workload { retry: Some(retry), ..workload(3) });
    world.drain();
    world.pass(10);
    let job = world.add_job(2, firm(), workload(1));
    world.drain();
    world.pass(PATIENCE + 2);
    // Its present task is done within the notice, and the node is free at once.
    world.pass(12);
    assert_eq!(holder(&world, node(1)), Some(job));
    let entry = world.core.job(victim).unwrap();
    assert_eq!((entry.tasks.done(), entry.tasks[1].attempt, entry.story().restarts.is_empty()), (1, 0, true));
    all_end(world);
}

#[test]
fn a_failure_by_the_container_itself_during_the_notice_waits_as_the_buyer_says() {
    let (mut world, victim, _) = held();
    world.add_job(2, firm(), workload(1));
    world.drain();
    world.pass(PATIENCE + 2);
    world.fail_task(node(1), Fault::Buyer, "exit-1");
    let task = &world.core.job(victim).unwrap().tasks[0];
    assert_eq!((task.failures, task.last_failure.as_ref().unwrap().code.as_str()), (1, "exit-1"));
    all_end(world);
}

/// Whatever answer of the scheduler dies with it, the node goes to the job it was cleared for, for one notice.
#[test]
fn killed_at_any_step_the_node_still_goes_to_the_job() {
    let mut n_steps = 0;
    for survives in [None, Some(0), Some(1)] {
        let mut step = 0;
        while killed_at(step, survives) {
            step += 1;
        }
        assert!(step > 50, "{step} steps");
        n_steps += step;
    }
    assert!(n_steps > 150, "{n_steps} steps");
}

/// False where the story has no such step. `survives` is as [`World::kill_at`] says.
fn killed_at(step: usize, survives: Option<usize>) -> bool {
    let (mut world, victim, _) = held();
    world.parameters.preemption_notice = Seconds(6);
    world.inbox.push_back(Event::ParametersSeen(world.parameters));
    let job = world.add_job(2, firm(), workload(1));
    world.add_job(3, spot(), workload(1));
    world.drain();
    world.pass(PATIENCE - 1);
    // Time for a second patience, should the first one be forgotten.
    let until = world.millis + 1_000 * (PATIENCE + 20);
    let (mut n_events, mut killed) = (0, false);
    while world.millis < until {
        let Some(event) = world.inbox.pop_front() else {
            world.wait_a_second();
            continue;
        };
        if n_events == step {
            killed = true;
            world.kill_at(event, survives);
        } else {
            world.feed(event);
        }
        n_events += 1;
    }
    assert_eq!(holder(&world, node(1)), Some(job), "killed at {step}, survives {survives:?}: {:?}", world.explain(job));
    assert_eq!(world.ended.iter().filter(|(.., paid)| paid.0 > 0).count(), 1);
    assert!(world.core.job(victim).unwrap().outcome.is_none());
    killed
}

#[test]
fn a_gang_ends_nobody() {
    let (mut world, ..) = held();
    let shape = Some(Shape::Gang(millrace_spec::Gang { locality: millrace_spec::Locality::Anywhere }));
    world.add_job(2, firm(), Workload { shape, ..workload(1) });
    world.drain();
    world.pass(200);
    assert!(notices(&world).is_empty());
}

#[test]
fn a_notice_by_somebody_else_is_as_good() {
    let (mut world, _, lease) = held();
    let job = world.add_job(2, firm(), workload(1));
    world.drain();
    world.pass(5);
    world.change_lease(lease, |job, view, parameters, now| {
        transitions::notice_preemption(&job.job, &mut view.lease, parameters, now).unwrap();
    });
    world.pass(NOTICE + 3);
    assert_eq!(holder(&world, node(1)), Some(job));
    assert!(notices(&world).is_empty());
    all_end(world);
}
