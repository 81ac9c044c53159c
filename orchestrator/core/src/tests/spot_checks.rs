use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{
    Address, BasisPoints, JobState, JobTerms, LeaseOutcome, LeaseState, MicroUsdc, Ruling, Seconds, Verification,
};

use super::world::*;
use crate::*;

const ALL: BasisPoints = BasisPoints(10_000);

/// So much of the tasks is run again; the window is the least that is served.
fn checked(share: BasisPoints) -> JobTerms {
    let verification = Verification::SpotCheck { share };
    JobTerms { verification, dispute_window: Seconds(1_200), concurrent_leases: 1, ..terms() }
}

fn node(number: u32) -> Address {
    address(b'N', number)
}

/// A job of so many tasks in a world of so many nodes, each another provider's.
fn world(nodes: u32, tasks: u32, share: BasisPoints) -> (World, Address) {
    let mut world = World::with_nodes(nodes);
    let job = world.add_job(1, checked(share), workload(tasks));
    world.drain();
    (world, job)
}

fn until_reported(world: &mut World, leases: usize) {
    for _ in 0..120 {
        let ended = world.leases.values().filter(|view| !view.lease.state.is_live());
        if ended.count() >= leases {
            return;
        }
        world.pass(1);
    }
    panic!("{:?}", world.core.leases.values().map(|entry| entry.stage).collect::<Vec<_>>());
}

fn checks(world: &World, job: Address) -> [usize; 4] {
    world.core.job(job).unwrap().checks()
}

fn runs(world: &World) -> Vec<(u32, Address, u32)> {
    let runs = world.log.iter().filter_map(|action| match action {
        Action::AssignTask { task, node, attempt, .. } => Some((*task, *node, *attempt)),
        _ => None,
    });
    runs.collect()
}

fn lapses(world: &World) -> Vec<Lapse> {
    let lapses = world.log.iter().filter_map(|action| match action {
        Action::Notice(Notice::CheckLapsed { reason, .. }) => Some(*reason),
        _ => None,
    });
    lapses.collect()
}

fn disputes(world: &World) -> usize {
    world.count(|action| matches!(action, Action::OpenDispute { .. }))
}

#[test]
fn each_task_runs_again_with_another_provider_and_counts_once() {
    let (mut world, job) = world(2, 3, ALL);
    until_reported(&mut world, 2);
    let by_second: Vec<_> = runs(&world).into_iter().filter(|(_, on, _)| *on == node(2)).collect();
    assert_eq!(by_second, [(0, node(2), 2), (1, node(2), 2), (2, node(2), 2)]);
    assert_eq!((runs(&world).len(), checks(&world, job)), (6, [0, 3, 0, 0]));
    let entry = world.core.job(job).unwrap();
    assert_eq!((entry.outcome.as_ref(), entry.tasks.done()), (Some(&Outcome::Completed), 3));
    assert!(world.reported().iter().all(|lease| world.final_class(*lease) == Some(ExitClass::Completed)));
    // What a lease made again is under its root as well.
    assert_eq!(world.count(|action| matches!(action, Action::Notice(Notice::ResultRootDiffers { .. }))), 0);
    world.pass(1_300);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert!(world.ended.iter().all(|(.., paid)| *paid > MicroUsdc::ZERO), "both did honest work: {:?}", world.ended);
    assert_eq!((world.ended.len(), disputes(&world)), (2, 0));
    world.check_money();
}

#[test]
fn only_what_is_drawn_runs_again() {
    let (mut world, job) = world(2, 40, BasisPoints(2_500));
    world.task_millis = 1_000;
    world.pass(200);
    let [open, equal, ..] = checks(&world, job);
    assert_eq!((open, runs(&world).len()), (0, 40 + equal));
    assert!((3..=18).contains(&equal), "{equal} of 40 where 10 are expected");
    assert_eq!(world.outcome(job), Some(&Outcome::Completed));
}

#[test]
fn leases_of_the_job_that_are_there_anyway_check_each_other() {
    let mut world = World::with_nodes(2);
    let job = world.add_job(1, JobTerms { concurrent_leases: 2, ..checked(ALL) }, workload(6));
    world.drain();
    world.pass(60);
    assert_eq!(checks(&world, job), [0, 6, 0, 0], "{:?}", world.explain(job));
    assert_eq!(world.outcome(job), Some(&Outcome::Completed));
    let first = |task: u32| runs(&world).into_iter().find(|(of, ..)| *of == task).unwrap().1;
    let second = |task: u32| runs(&world).into_iter().rfind(|(of, ..)| *of == task).unwrap().1;
    assert!((0..6).all(|task| first(task) != second(task)), "{:?}", runs(&world));
    world.pass(1_300);
    assert!(world.finished(job));
    world.check_money();
}

/// The rig that is cheapest lies: its lease is disputed, and a ruling has its tasks made again.
fn caught(tasks: u32) -> (World, Address, Address) {
    let (mut world, job) = world(3, tasks, ALL);
    world.liars.insert(node(1));
    let lease = world.lease_of(node(1));
    until_reported(&mut world, 2);
    world.pass(10);
    assert_eq!(world.leases[&lease].lease.state, LeaseState::Disputed);
    (world, job, lease)
}

#[test]
fn another_result_is_disputed_with_its_evidence() {
    let (mut world, job, lease) = caught(2);
    let entry = world.core.job(job).unwrap().clone();
    let findings = &entry.story().findings;
    assert_eq!(checks(&world, job)[2], findings.len());
    let evidence = evidence_digest(job, lease, findings.iter().filter(|finding| finding.evidence.is_some()));
    let found = &findings[0];
    assert_eq!((found.first.lease, found.evidence, found.trouble.as_ref()), (lease, Some(evidence), None));
    assert!(found.dispute.is_some() && found.first.root != found.second.root);
    assert_ne!(found.first.outputs, found.second.outputs);
    assert_eq!(disputes(&world), 1, "once, whatever is found");
    assert_eq!(world.usdc, MicroUsdc(99_000_000), "the least bond");
    world.rule(lease, Some(Ruling::BuyerRight));
    world.pass(200);
    let entry = world.core.job(job).unwrap();
    let done = |task: &Task| match task.state {
        TaskState::Done { lease } => world.core.lease(lease).map(|lease| lease.view.node),
        _ => None,
    };
    assert!(entry.tasks.iter().all(|task| done(task).is_some_and(|on| on != node(1))), "{:?}", entry.tasks);
    world.pass(1_500);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert!(world.ended.iter().any(|(_, outcome, _)| *outcome == LeaseOutcome::WrongResult));
    world.check_money();
}

#[test]
fn who_was_found_out_is_no_witness_even_where_there_is_no_other() {
    let (mut world, job) = world(2, 2, ALL);
    world.liars.insert(node(1));
    let lease = world.lease_of(node(1));
    until_reported(&mut world, 2);
    world.pass(10);
    world.rule(lease, Some(Ruling::BuyerRight));
    world.pass(600);
    let again: Vec<_> = runs(&world).into_iter().skip(4).collect();
    assert_eq!(again.iter().map(|(task, on, _)| (*task, *on)).collect::<Vec<_>>(), [(0, node(2)), (1, node(2))]);
    assert_eq!((checks(&world, job), disputes(&world)), ([2, 0, 0, 0], 1), "they wait for somebody else");
    let honest = world.add_node(3, millrace_protocol::PricePerGpuHour(900_000), hardware());
    world.connect(honest);
    world.drain();
    world.pass(60);
    assert_eq!((checks(&world, job), disputes(&world)), ([0, 2, 0, 0], 1));
    world.pass(1_500);
    assert!(world.finished(job), "{:?}", world.explain(job));
    world.check_money();
}

/// Else one lie about another's task would keep the liar's own from being compared.
#[test]
fn who_was_only_accused_goes_on_as_a_witness() {
    let mut world = World::with_nodes(2);
    world.liars.insert(node(2));
    let job = world.add_job(1, JobTerms { concurrent_leases: 2, ..checked(ALL) }, workload(20));
    world.drain();
    world.pass(200);
    let on = |lease: Address| world.core.lease(lease).unwrap().view.node;
    let findings = &world.core.job(job).unwrap().story().findings;
    let accused = findings.iter().position(|finding| on(finding.first.lease) == node(1)).expect("a lie about its task");
    let witness = |finding: &Finding| on(finding.first.lease) == node(2) && on(finding.second.lease) == node(1);
    assert!(findings[accused..].iter().any(witness), "{findings:#?}");
    world.check_money();
}

#[test]
fn a_ruling_for_the_provider_leaves_the_first_result() {
    let (mut world, job, lease) = caught(1);
    world.rule(lease, Some(Ruling::ProviderRight));
    world.pass(1_500);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert_eq!(runs(&world).len(), 2);
    assert_eq!(world.kept_bonds, 1_000_000);
    world.check_money();
}

#[test]
fn a_ruling_while_the_job_still_works_has_its_tasks_made_again() {
    let mut world = World::with_nodes(3);
    world.liars.insert(node(1));
    let terms = JobTerms { concurrent_leases: 2, lease_seconds: Seconds(30), ..checked(ALL) };
    let job = world.add_job(1, terms, workload(30));
    world.drain();
    let lease = world.lease_of(node(1));
    let checked = |world: &World| {
        let tasks = &world.core.job(job).unwrap().tasks;
        let of_lease = |number: u32| tasks.get(number).is_some_and(|task| task.state == TaskState::Done { lease });
        tasks.checkers().find(|(_, number)| of_lease(*number))
    };
    for _ in 0..90 {
        world.pass(1);
        if world.leases[&lease].lease.state == LeaseState::Disputed && checked(&world).is_some() {
            break;
        }
    }
    assert_eq!((world.leases[&lease].lease.state, world.outcome(job)), (LeaseState::Disputed, None));
    let again = checked(&world).expect("a task of its runs again elsewhere");
    let made = |world: &World| {
        let tasks = world.core.job(job).unwrap().tasks.iter();
        tasks.filter(|task| task.state == TaskState::Done { lease }).count()
    };
    assert!(made(&world) > 0);
    world.rule(lease, Some(Ruling::BuyerRight));
    world.pass(1);
    assert_eq!((made(&world), world.outcome(job)), (0, None));
    let stops = |action: &Action| matches!(action, Action::StopTask { lease, task, .. } if (*lease, *task) == again);
    assert_eq!(world.count(stops), 1, "what there is nothing to compare with is not run on");
    assert!(world.core.job(job).unwrap().story().failed_nodes.contains(&node(1)));
    world.check_money();
}

#[test]
fn without_another_provider_a_check_waits_until_its_window_is_over_and_says_so() {
    let mut world = World::with_nodes(1);
    // A second node of the same provider is no other's.
    let other = world.add_node(2, millrace_protocol::PricePerGpuHour(100_000), hardware());
    world.nodes.get_mut(&other).unwrap().provider = address(b'P', 1);
    world.see_node(other);
    world.connect(other);
    let job = world.add_job(1, checked(ALL), workload(2));
    world.drain();
    until_reported(&mut world, 1);
    world.pass(5);
    let lease = world.reported()[0];
    let until = world.leases[&lease].lease.disputable_until.saturating_minus(millrace_protocol::UnixSeconds(30));
    let explanation = world.explain(job);
    assert_eq!(explanation.blockers, [Blocker::SpotChecks { open: 2, running: 0, until: Some(until) }]);
    assert_eq!(explanation.exclusions[&Constraint::ProviderUnwanted].nodes, 2);
    assert_eq!(explanation.suggestion.unwrap().change, Change::Wait(Constraint::ProviderUnwanted));
    world.pass(until.since(world.now().chain).0 - 1);
    assert_eq!((world.outcome(job), checks(&world, job)), (None, [2, 0, 0, 0]));
    world.pass(1);
    assert_eq!((world.outcome(job), checks(&world, job)), (Some(&Outcome::Completed), [0, 0, 0, 2]));
    assert_eq!(lapses(&world), [Lapse::WindowOver; 2]);
    world.pass(40);
    assert!(world.finished(job), "it ended as completed on chain: {:?}", world.jobs.get(&job));
    assert_eq!(world.closed[&job].job.state, JobState::Done);
    world.check_money();
}

#[test]
fn a_provider_that_comes_in_time_is_taken() {
    let (mut world, job) = world(1, 1, ALL);
    until_reported(&mut world, 1);
    world.pass(100);
    let late = world.add_node(2, millrace_protocol::PricePerGpuHour(900_000), hardware());
    world.connect(late);
    world.drain();
    world.pass(20);
    assert_eq!((checks(&world, job), world.outcome(job)), ([0, 1, 0, 0], Some(&Outcome::Completed)));
}

#[test]
fn a_deposit_that_is_used_up_is_said_to_be() {
    let mut world = World::with_nodes(2);
    world.task_millis = 590_000;
    let price = millrace_protocol::PricePerGpuHour(100_000);
    let worst = millrace_protocol::money::cost(price, millrace_protocol::GpuUnits(1), Seconds(600)).unwrap();
    let terms = JobTerms { maximum_price: price, deposit: worst, ..checked(ALL) };
    world.nodes.get_mut(&node(2)).unwrap().node.price = price;
    world.see_node(node(2));
    let job = world.add_job(1, terms, workload(1));
    world.drain();
    world.pass(700);
    // What is left covers no lease that is worth its transactions, or one that is too short for the task.
    world.pass(1_300);
    assert_eq!(checks(&world, job), [0, 0, 0, 1], "{:?}", world.explain(job));
    assert_eq!(world.outcome(job), Some(&Outcome::Completed));
    world.pass(60);
    world.check_money();
}

#[test]
fn a_window_that_is_too_short_is_refused_with_what_it_would_have_to_be() {
    for (window, refused) in [(1_199, true), (1_200, false)] {
        let mut world = World::with_nodes(2);
        let window = Seconds(window);
        let job = world.add_job(1, JobTerms { dispute_window: window, ..checked(ALL) }, workload(1));
        world.drain();
        let blockers = world.explain(job).blockers;
        let reason = Blocker::NotServed(NotServed::CheckWindow { window, least: Seconds(1_200) });
        assert_eq!(blockers.contains(&reason), refused, "{blockers:?}");
        assert_eq!(world.offers().is_empty(), refused);
    }
}

#[test]
fn gangs_services_and_auctions_are_not_compared() {
    use millrace_spec::{Gang, Locality, Restart, Service, Shape};
    let gang = Shape::Gang(Gang { locality: Locality::Region });
    let service = Shape::Service(Service { replicas: 1, restart: Restart::Always, run_for: None });
    let auctioned = Workload { placement: Placement { auction: true, ..Placement::default() }, ..workload(1) };
    let shaped = |shape| Workload { shape: Some(shape), ..workload(2) };
    for workload in [shaped(gang), shaped(service), auctioned] {
        let mut world = World::with_nodes(3);
        let job = world.add_job(1, checked(ALL), workload);
        world.drain();
        world.pass(5);
        assert_eq!(world.explain(job).blockers, [Blocker::NotServed(NotServed::SpotCheckedShape)]);
        assert!(world.offers().is_empty());
    }
}

#[test]
fn a_bond_that_is_not_there_loses_no_finding_and_is_paid_once_it_is() {
    let (mut world, job) = world(2, 1, ALL);
    world.liars.insert(node(1));
    world.usdc = MicroUsdc(999_999);
    until_reported(&mut world, 1);
    world.pass(30);
    let finding = |world: &World| world.core.job(job).unwrap().story().findings[0].clone();
    assert_eq!(finding(&world).trouble.unwrap().code, "dispute-bond-missing");
    assert_eq!(finding(&world).dispute, None);
    let (tries, evidence) = (disputes(&world), finding(&world).evidence);
    assert!((2..8).contains(&tries), "less and less often: {tries}");
    world.usdc = MicroUsdc(1_000_000);
    world.pass(70);
    assert_eq!((finding(&world).trouble, finding(&world).evidence), (None, evidence));
    assert_eq!(world.leases.values().filter(|view| view.lease.state == LeaseState::Disputed).count(), 1);
}

#[test]
fn a_finding_that_could_never_be_disputed_stays() {
    let (mut world, job) = world(2, 1, ALL);
    world.liars.insert(node(1));
    world.usdc = MicroUsdc::ZERO;
    world.pass(1_400);
    assert!(world.finished(job), "{:?}", world.explain(job));
    let story = world.core.job(job).unwrap().story();
    assert_eq!(story.findings[0].trouble.as_ref().unwrap().code, "dispute-bond-missing");
    world.check_money();
}

#[test]
fn a_buyer_who_accepts_ends_the_check() {
    let (mut world, job) = world(1, 1, ALL);
    until_reported(&mut world, 1);
    world.accept(world.reported()[0]);
    world.pass(2);
    assert_eq!((world.outcome(job), checks(&world, job)[3]), (Some(&Outcome::Completed), 1));
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn a_lease_that_leaves_no_report_has_its_drawn_tasks_made_again() {
    let (mut world, job) = world(2, 4, ALL);
    world.pass(5);
    assert_eq!(checks(&world, job)[0], 1);
    world.fail_task(node(1), Fault::Node, "disk-full");
    world.pass(120);
    // Nobody could dispute it, so its one result does not count.
    let entry = world.core.job(job).unwrap();
    let done_on = |task: &Task| match task.state {
        TaskState::Done { lease } => world.core.lease(lease).map(|lease| lease.view.node),
        _ => None,
    };
    assert_eq!(runs(&world).iter().filter(|(task, ..)| *task == 0).count(), 3, "{:?}", runs(&world));
    assert!(entry.tasks.iter().all(|task| done_on(task) == Some(node(2))));
    world.pass(1_500);
    assert!(world.finished(job), "{:?}", world.explain(job));
    world.check_money();
}

#[test]
fn a_container_that_fails_elsewhere_gives_no_second_result() {
    let (mut world, job) = world(3, 1, ALL);
    until_reported(&mut world, 1);
    for _ in 0..2 {
        world.pass(2);
        let on = *world.rigs.iter().find(|(_, rig)| !rig.running.is_empty()).expect("nobody runs it").0;
        assert_ne!(on, node(1));
        world.fail_task(on, Fault::Buyer, "exit-1");
    }
    assert_eq!((checks(&world, job), lapses(&world)), ([0, 0, 0, 1], vec![Lapse::NoSecondResult]));
    world.pass(1);
    assert_eq!(world.outcome(job), Some(&Outcome::Completed), "the task itself did not fail");
    world.pass(1_300);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn a_checker_that_dies_is_replaced() {
    let mut world = World::with_nodes(3);
    let job = world.add_job(1, JobTerms { concurrent_leases: 2, ..checked(ALL) }, workload(1));
    world.drain();
    until_reported(&mut world, 1);
    world.pass(2);
    assert_eq!(world.core.job(job).unwrap().tasks.checkers().count(), 1);
    world.kill(node(2));
    world.pass(30);
    assert_eq!(checks(&world, job), [0, 1, 0, 0], "{:?}", world.explain(job));
    assert_eq!(world.outcome(job), Some(&Outcome::Completed));
}

#[test]
fn a_cancel_ends_what_is_being_checked() {
    let (mut world, job) = world(2, 1, ALL);
    until_reported(&mut world, 1);
    world.pass(2);
    world.cancel(job);
    world.pass(30);
    assert_eq!((lapses(&world), world.outcome(job)), (vec![Lapse::JobOver], Some(&Outcome::Cancelled)));
    assert!(world.rigs.values().all(|rig| rig.running.is_empty()));
    world.pass(1_300);
    assert!(!world.jobs.contains_key(&job));
    world.check_money();
}

#[test]
fn a_restart_at_any_second_changes_nothing_of_what_is_found() {
    for second in (0..40).step_by(2) {
        let (mut world, job) = world(3, 2, ALL);
        world.liars.insert(node(1));
        let lease = world.lease_of(node(1));
        world.pass(second);
        world.restart();
        world.drain();
        world.pass(60);
        assert_eq!(world.leases[&lease].lease.state, LeaseState::Disputed, "at second {second}");
        let story = world.core.job(job).unwrap().story();
        assert!(!story.findings.is_empty() && story.findings[0].evidence.is_some());
        assert!(story.findings.iter().all(|finding| finding.trouble.is_none()), "at second {second}");
        world.rule(lease, Some(Ruling::BuyerRight));
        world.pass(1_500);
        assert!(world.finished(job), "at second {second}: {:?}", world.explain(job));
        world.check_money();
    }
}

/// The orchestrator is killed at each event of a check's life, before anything of its answer is carried out and after
/// its records were written.
#[test]
fn a_kill_at_any_event_loses_no_finding() {
    for survives in [None, Some(0), Some(1)] {
        for at in (0..140).step_by(7) {
            let (mut world, job) = world(2, 1, ALL);
            world.liars.insert(node(1));
            let mut events = 0;
            'life: for _ in 0..60 {
                world.wait_a_second();
                while let Some(event) = world.inbox.pop_front() {
                    events += 1;
                    if events == at {
                        world.kill_at(event, survives);
                        break 'life;
                    }
                    world.feed(event);
                }
            }
            world.drain();
            world.pass(80);
            let disputed = world.leases.values().filter(|view| view.lease.state == LeaseState::Disputed).count();
            assert_eq!(disputed, 1, "killed at event {at}, {survives:?}: {:?}", world.explain(job));
            assert_eq!(world.core.job(job).unwrap().story().findings.len(), 1);
        }
    }
}

/// There is no other provider for the checks, and the tasks do not wait for one.
#[test]
fn a_check_that_nobody_can_run_keeps_no_task_waiting() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, JobTerms { lease_seconds: Seconds(30), ..checked(ALL) }, workload(20));
    world.drain();
    world.pass(200);
    assert!(world.offers().len() > 1);
    assert_eq!(world.core.job(job).unwrap().tasks.done(), 20, "{:?}", world.explain(job));
    assert_eq!(world.outcome(job), None, "the checks wait");
    world.check_money();
}

#[test]
fn a_checkers_fault_leaves_the_job_done() {
    let (mut world, job) = world(2, 1, ALL);
    until_reported(&mut world, 1);
    world.pass(2);
    let checker = world.lease_of(node(2));
    world.fail_task(node(2), Fault::Node, "disk-full");
    world.pass(60);
    assert!(world.core.job(job).unwrap().story().failed_nodes.contains(&node(2)));
    assert_eq!(world.final_class(checker), Some(ExitClass::Completed));
    assert_ne!(world.jobs[&job].job.state, JobState::Open, "it is done as far as the chain is concerned");
    world.pass(1_400);
    assert!(world.finished(job), "{:?} {:?}", world.outcome(job), world.explain(job));
    world.check_money();
}
