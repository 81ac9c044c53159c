use std::collections::BTreeSet;

use millrace_protocol::quorum::{MemberState, Verdict};
use millrace_protocol::{Address, JobTerms, LeaseOutcome, MicroUsdc, Payment, PricePerGpuHour, Seconds, Verification};

use super::world::*;
use crate::*;

fn counted(needed: u8, size: u8) -> JobTerms {
    JobTerms {
        verification: Verification::Quorum { needed, size },
        payment: Payment::OnResult,
        concurrent_leases: size.into(),
        ..terms()
    }
}

fn node(number: u32) -> Address {
    address(b'N', number)
}

/// Two of three, on as many nodes as said.
fn two_of_three(nodes: u32, tasks: u32) -> (World, Address) {
    two_of_three_for(nodes, tasks, 3_000)
}

/// With tasks that take so many milliseconds.
fn two_of_three_for(nodes: u32, tasks: u32, task_millis: u64) -> (World, Address) {
    let mut world = World::with_nodes(nodes);
    world.task_millis = task_millis;
    let job = world.add_job(1, counted(2, 3), workload(tasks));
    world.drain();
    (world, job)
}

fn outcomes(world: &World) -> Vec<LeaseOutcome> {
    let mut outcomes: Vec<_> = world.ended.iter().map(|(_, outcome, _)| *outcome).collect();
    outcomes.sort_unstable_by_key(|outcome| *outcome as u8);
    outcomes
}

fn until_closed(world: &mut World, job: Address) {
    for _ in 0..2_000 {
        if !world.jobs.contains_key(&job) {
            return;
        }
        world.pass(10);
    }
    panic!("it never ended: {:?} {:?}", world.explain(job), world.quorums);
}

#[test]
fn each_member_does_all_tasks_and_the_equal_results_are_the_jobs() {
    let (mut world, job) = two_of_three(4, 2);
    assert_eq!(world.members(job).len(), 3, "three providers");
    let before = world.core.job(job).unwrap().tasks.done();
    world.pass(5);
    assert_eq!(before + world.core.job(job).unwrap().tasks.done(), 0, "no member's word counts");
    until_closed(&mut world, job);
    assert!(world.finished(job));
    assert_eq!(world.count(|action| matches!(action, Action::AssignTask { .. })), 6);
    assert_eq!(outcomes(&world), [LeaseOutcome::Completed; 3]);
    assert!(world.ended.iter().all(|(_, _, paid)| *paid > MicroUsdc::ZERO));
    let tasks = &world.core.job(job).unwrap().tasks;
    assert!(tasks.iter().all(|task| task.outputs.len() == 1));
    let attempts = world.log.iter().filter_map(|action| match action {
        Action::AssignTask { task, attempt, .. } => Some((*task, *attempt)),
        _ => None,
    });
    assert_eq!(attempts.collect::<BTreeSet<_>>().len(), 6, "whoever has an attempt at a task has it alone");
    assert!(
        world.settled().iter().all(|voucher| voucher.result_root == [0; 32]),
        "nobody reads a root before its time"
    );
    assert!(world.core.leases_of(job).iter().all(|lease| !lease.is_unbooked()), "each is booked");
    world.check_money();
}

#[test]
fn a_result_of_its_own_costs_its_bond() {
    let (mut world, job) = two_of_three(3, 1);
    world.voters.insert(node(1), Voter::Liar);
    until_closed(&mut world, job);
    assert!(world.finished(job));
    assert_eq!(outcomes(&world), [LeaseOutcome::Completed, LeaseOutcome::Completed, LeaseOutcome::WrongResult]);
    let (liar, honest) = (world.providers[&address(b'P', 1)], world.providers[&address(b'P', 2)]);
    assert!(liar.stake.slashed > MicroUsdc::ZERO && honest.stake.slashed == MicroUsdc::ZERO);
    let outputs: Vec<_> = world.core.job(job).unwrap().tasks.iter().map(|task| task.outputs.clone()).collect();
    assert_eq!(outputs, [[output_of(0, false)]], "the winners' are the job's");
    assert!(world.core.job(job).unwrap().story().failed_nodes.contains(&node(1)));
    world.check_money();
}

#[test]
fn a_lost_member_is_replaced_by_another_provider_where_the_others_cannot_decide() {
    for (needed, expected) in [(2, vec![1, 2, 3]), (3, vec![1, 2, 3, 4])] {
        let mut world = World::with_nodes(5);
        world.task_millis = 300_000;
        let job = world.add_job(1, counted(needed, 3), workload(1));
        world.drain();
        world.pass(10);
        world.kill(node(2));
        until_closed(&mut world, job);
        assert!(world.finished(job), "{:?}", world.explain(job));
        let nodes: Vec<_> = world.offers().iter().map(|offer| offer.node).collect();
        assert_eq!(nodes, expected.into_iter().map(node).collect::<Vec<_>>(), "{needed} are needed");
        let completed = outcomes(&world).into_iter().filter(|outcome| *outcome == LeaseOutcome::Completed).count();
        assert_eq!(completed, usize::from(needed));
        assert!(outcomes(&world).contains(&LeaseOutcome::Lost));
        world.check_money();
    }
}

/// It works, and does not bring its commitment to the chain: it leaves before the count could take its bond.
#[test]
fn a_member_that_does_not_commit_goes_and_is_replaced() {
    let (mut world, job) = two_of_three(4, 1);
    world.voters.insert(node(1), Voter::Mute);
    world.pass(30);
    assert_eq!(world.members(job)[&address(b'P', 1)], MemberState::Leased);
    until_closed(&mut world, job);
    assert!(world.finished(job));
    assert_eq!(outcomes(&world)[..1], [LeaseOutcome::Completed]);
    assert!(outcomes(&world).contains(&LeaseOutcome::NodeFault));
    assert_eq!(world.providers[&address(b'P', 1)].stake.slashed, MicroUsdc::ZERO);
    world.check_money();
}

#[test]
fn too_few_providers_are_named_and_nothing_is_leased() {
    let mut world = World::with_nodes(2);
    // A second node of the same provider is not another provider.
    let third = world.add_node(3, PricePerGpuHour(100_000), hardware());
    world.nodes.get_mut(&third).unwrap().provider = address(b'P', 1);
    world.see_node(third);
    world.connect(third);
    let job = world.add_job(1, counted(2, 3), workload(1));
    world.drain();
    world.pass(5);
    let lacking = Blocker::ProvidersLacking(TooFew { providers: 3, fitting: 2 });
    assert!(world.explain(job).blockers.contains(&lacking), "{:?}", world.explain(job));
    assert!(world.offers().is_empty());
    let fourth = world.add_node(4, PricePerGpuHour(900_000), hardware());
    world.connect(fourth);
    world.drain();
    assert_eq!(world.members(job).len(), 3);
    until_closed(&mut world, job);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn who_hides_its_result_loses_and_the_round_fails_and_the_next_begins_anew() {
    let (mut world, job) = two_of_three(6, 1);
    world.voters.extend([(node(1), Voter::Hidden), (node(2), Voter::Hidden)]);
    world.pass(30);
    assert_eq!(world.members(job).values().filter(|state| **state == MemberState::Revealed).count(), 1);
    let open = |blocker: &Blocker| matches!(blocker, Blocker::RoundOpen { size: 3, committed: 3, revealed: 1, .. });
    assert!(world.explain(job).blockers.iter().any(open), "{:?}", world.explain(job).blockers);
    until_closed(&mut world, job);
    assert_eq!(world.verdicts, [(job, Verdict::Failed), (job, Verdict::Decided)]);
    assert!(world.finished(job), "the second round is of others");
    let expected = [LeaseOutcome::Completed; 3].into_iter().chain([LeaseOutcome::WrongResult; 2]);
    assert_eq!(outcomes(&world), expected.chain([LeaseOutcome::NoQuorum]).collect::<Vec<_>>());
    let view = &world.closed[&job];
    assert_eq!((view.quorum_round, view.job.attempts_failed), (2, 1));
    world.check_money();
}

#[test]
fn results_that_all_differ_use_up_the_attempts() {
    let mut world = World::with_nodes(3);
    world.voters.insert(node(1), Voter::Liar);
    let job = world.add_job(1, JobTerms { retries: 1, ..counted(3, 3) }, workload(1));
    world.drain();
    until_closed(&mut world, job);
    assert_eq!(world.verdicts, [(job, Verdict::Failed); 2]);
    assert!(matches!(world.outcome(job), Some(Outcome::Failed(cause)) if cause.code == "no-quorum"));
    assert_eq!(world.refunds[&job], terms().deposit, "nobody is paid");
    assert!(world.core.job(job).unwrap().tasks.iter().all(|task| task.outputs.is_empty()), "nothing is shown");
    world.check_money();
}

#[test]
fn results_that_were_not_uploaded_are_not_shown() {
    let (mut world, job) = two_of_three(3, 1);
    world.voters.extend((1..=3).map(|number| (node(number), Voter::Swindler)));
    until_closed(&mut world, job);
    assert!(matches!(world.outcome(job), Some(Outcome::Failed(cause)) if cause.code == "results-missing"));
    world.check_money();
}

#[test]
fn work_that_fails_for_all_fails_the_job_and_is_paid() {
    let mut world = World::with_nodes(3);
    world.task_millis = 20_000;
    let job = world.add_job(1, counted(2, 3), Workload { task_retries: 0, ..workload(1) });
    world.drain();
    world.pass(10);
    (1..=3).for_each(|number| world.fail_task(node(number), Fault::Buyer, "exit-3"));
    until_closed(&mut world, job);
    assert_eq!(outcomes(&world), [LeaseOutcome::Failed; 3]);
    assert!(matches!(world.outcome(job), Some(Outcome::Failed(cause)) if cause.code == "exit-3"));
    assert!(world.ended.iter().all(|(_, _, paid)| *paid > MicroUsdc::ZERO));
    world.check_money();
}

#[test]
fn work_too_long_for_its_leases_ends_the_job_and_not_the_providers() {
    let (mut world, job) = two_of_three_for(7, 1, 10_000_000);
    until_closed(&mut world, job);
    assert!(matches!(world.outcome(job), Some(Outcome::Failed(cause)) if cause.code == "lease-too-short"));
    assert!(world.offers().len() <= 6, "{}", world.offers().len());
    assert_eq!(world.refunds[&job], terms().deposit);
    assert!(world.providers.values().all(|provider| provider.stake.slashed == MicroUsdc::ZERO));
    world.check_money();
}

#[test]
fn members_that_are_sent_away_by_a_cancel_are_paid() {
    let (mut world, job) = two_of_three_for(3, 1, 200_000);
    world.pass(60);
    world.cancel(job);
    until_closed(&mut world, job);
    assert_eq!(world.outcome(job), Some(&Outcome::Cancelled));
    assert!(world.ended.iter().all(|(_, _, paid)| *paid > MicroUsdc::ZERO), "{:?}", world.ended);
    world.check_money();
}

/// One after the other is lost: a round does not take places in for ever.
#[test]
fn a_round_has_at_most_twice_its_size_of_leases() {
    let (mut world, job) = two_of_three_for(9, 1, 60_000);
    for _ in 0..200 {
        world.pass(5);
        let running: Vec<_> =
            world.rigs.iter().filter(|(_, rig)| !rig.running.is_empty()).map(|(node, _)| *node).collect();
        running.into_iter().for_each(|node| world.fail_task(node, Fault::Node, "disk"));
        let round = world.jobs.get(&job).map(|view| view.quorum_round);
        let Some(round) = round else { break };
        let of_round = |offer: &&Offer| offer.joins.is_some_and(|joins| joins.round == round);
        assert!(world.offers().iter().filter(of_round).count() <= 6);
    }
    assert!(!world.jobs.contains_key(&job), "its attempts are used up: {:?}", world.explain(job));
    world.check_money();
}

#[test]
fn a_round_that_others_count_settle_and_close_unseen_is_believed_by_its_results() {
    let (mut world, job) = two_of_three(3, 1);
    // What members make is known here, and then nothing of the chain.
    while world.quorums[&job].1.reveal_by.0 == 0 {
        world.pass(1);
    }
    for round in 0..20 {
        world.millis += 1_000;
        world.vote();
        world.inbox.clear();
        if round == 5 {
            let lease: Vec<_> = world.leases.keys().copied().collect();
            let settle: Vec<_> =
                lease.iter().filter_map(|lease| Some((*lease, *world.core.lease(*lease)?.final_voucher()?))).collect();
            for (lease, voucher) in settle {
                if world.leases[&lease].lease.state.is_live() {
                    world.redeem(lease, &voucher);
                }
            }
        }
    }
    world.tally_quorum(job);
    world.leases.keys().copied().collect::<Vec<_>>().into_iter().for_each(|lease| world.settle_member(lease));
    world.close_quorum(job);
    world.inbox.clear();
    world.restart();
    world.drain();
    until_closed(&mut world, job);
    assert!(world.finished(job), "{:?}", world.outcome(job));
}

/// See [`World::finish_killed_at`].
fn killed_at(step: usize, survives: Option<usize>) -> bool {
    let (mut world, job) = two_of_three_undrained();
    world.voters.insert(node(1), Voter::Liar);
    if !world.finish_killed_at(job, 6_000, step, survives) {
        return false;
    }
    let outputs: Vec<_> = world.core.job(job).unwrap().tasks.iter().map(|task| task.outputs.clone()).collect();
    assert_eq!(outputs, [[output_of(0, false)], [output_of(1, false)]], "killed at {step}, survives {survives:?}");
    let expected = [LeaseOutcome::Completed, LeaseOutcome::Completed, LeaseOutcome::WrongResult];
    assert_eq!(outcomes(&world), expected, "killed at {step}, survives {survives:?}");
    true
}

fn two_of_three_undrained() -> (World, Address) {
    let mut world = World::with_nodes(3);
    let job = world.add_job(1, JobTerms { lease_seconds: Seconds(600), ..counted(2, 3) }, workload(2));
    (world, job)
}

#[test]
fn killed_at_any_step_a_round_ends_the_same() {
    let lost = (0..).take_while(|step| killed_at(*step, None)).count();
    let written = (0..).take_while(|step| killed_at(*step, Some(0))).count();
    assert!(lost > 50 && written > 50, "{lost} and {written} steps");
}

/// The rounds of a new job begin with the number that those of the old one began with.
#[test]
fn a_job_under_the_id_of_an_earlier_one_has_no_part_in_its_rounds() {
    let (mut world, job) = two_of_three_for(7, 1, 10_000_000);
    until_closed(&mut world, job);
    assert!(matches!(world.outcome(job), Some(Outcome::Failed(cause)) if cause.code == "lease-too-short"));
    let before = world.core.leases_of(job).len();
    world.task_millis = 3_000;
    assert_eq!(world.add_job(1, counted(2, 3), workload(1)), job);
    world.drain();
    assert_eq!(world.core.leases_of(job).len() - before, 3, "{:?}", world.explain(job));
    until_closed(&mut world, job);
    assert!(world.finished(job), "{:?}", world.outcome(job));
    world.check_money();
}

/// Of the new job nothing was made here that could have won its round.
#[test]
fn results_of_an_earlier_job_under_the_same_id_are_not_believed() {
    let (mut world, job) = two_of_three(3, 1);
    until_closed(&mut world, job);
    world.pass(5);
    world.add_job(1, counted(2, 3), workload(1));
    world.jobs.get_mut(&job).unwrap().job.completed = true;
    world.see_job(job);
    while let Some(event) = world.inbox.pop_front() {
        world.core.on_event(world.now(), event);
    }
    assert!(world.core.job(job).unwrap().tasks.iter().all(|task| task.outputs.is_empty()));
    assert!(matches!(world.outcome(job), Some(Outcome::Failed(cause)) if cause.code == "results-missing"));
}

/// Two have committed when the buyer cancels, and the chain pays them once they show the same.
#[test]
fn what_a_cancelled_job_paid_for_is_the_buyers() {
    let (mut world, job) = two_of_three_for(3, 1, 20_000);
    world.pass(10);
    world.rigs.get_mut(&node(3)).unwrap().running[0].3 += 1_000_000;
    world.pass(30);
    assert_eq!(world.members(job).values().filter(|state| **state == MemberState::Committed).count(), 2);
    world.cancel(job);
    until_closed(&mut world, job);
    assert_eq!((world.outcome(job), &world.verdicts[..]), (Some(&Outcome::Cancelled), &[(job, Verdict::Decided)][..]));
    let outputs: Vec<_> = world.core.job(job).unwrap().tasks.iter().map(|task| task.outputs.clone()).collect();
    assert_eq!(outputs, [[output_of(0, false)]]);
    assert_eq!(outcomes(&world).iter().filter(|outcome| **outcome == LeaseOutcome::Completed).count(), 2);
    world.check_money();
}

#[test]
fn an_image_that_ran_for_one_member_is_not_to_blame_for_others_that_cannot_get_it() {
    let (mut world, job) = two_of_three_for(6, 1, 60_000);
    world.pass(5);
    for number in [2, 3] {
        world.fail_task(node(number), Fault::Image, "image-unavailable");
    }
    assert_eq!(world.outcome(job), None);
    until_closed(&mut world, job);
    assert!(world.finished(job), "{:?}", world.outcome(job));
    world.check_money();
}

#[test]
fn an_image_that_runs_for_nobody_ends_a_counted_job() {
    let (mut world, job) = two_of_three_for(6, 1, 60_000);
    // Nobody has come so far as to run it.
    for lease in world.core.open_leases_of(job) {
        world.core.leases.get_mut(&lease).unwrap().meter = Meter::default();
    }
    for number in [2, 3] {
        let (lease, task, attempt, _) = world.rigs.get_mut(&node(number)).unwrap().running.remove(0);
        let progress = TaskProgress::Failed { fault: Fault::Image, exit_code: None, cause: cause("image-unavailable") };
        world.inbox.push_back(Event::TaskUpdate { node: node(number), lease, task, attempt, progress });
    }
    world.drain();
    assert!(matches!(world.outcome(job), Some(Outcome::Failed(cause)) if cause.code == "image-unavailable"));
}

/// Two of three, where the second and the third are lost half way and the first runs out while their successors work.
fn one_runs_out_before_the_others(needed: u8) -> (World, Address) {
    let mut world = World::with_nodes(6);
    world.task_millis = 10_000_000;
    let job = world.add_job(1, JobTerms { lease_seconds: Seconds(600), ..counted(needed, 3) }, workload(1));
    world.drain();
    world.pass(400);
    world.task_millis = 300_000;
    [2, 3].into_iter().for_each(|number| world.fail_task(node(number), Fault::Node, "disk"));
    world.pass(100);
    assert_eq!(world.offers().len(), 5);
    world.task_millis = 10_000_000;
    (world, job)
}

#[test]
fn one_place_that_runs_out_twice_takes_no_vote_from_the_others() {
    let (mut world, job) = one_runs_out_before_the_others(2);
    until_closed(&mut world, job);
    let released = outcomes(&world).into_iter().filter(|outcome| *outcome == LeaseOutcome::Released).count();
    assert_eq!((released, &world.verdicts[..]), (2, &[(job, Verdict::Decided)][..]));
    assert!(world.finished(job), "{:?}", world.outcome(job));
    world.check_money();
}

#[test]
fn a_job_that_is_given_up_ends_whoever_still_works_at_once() {
    let (mut world, job) = one_runs_out_before_the_others(3);
    while world.outcome(job).is_none() {
        match world.inbox.pop_front() {
            Some(event) => world.feed(event),
            None => world.wait_a_second(),
        }
    }
    assert!(matches!(world.outcome(job), Some(Outcome::Failed(cause)) if cause.code == "lease-too-short"));
    let stages: Vec<_> = world.core.leases_of(job).iter().map(|lease| lease.stage).collect();
    assert!(stages.iter().filter(|stage| matches!(stage, Stage::Ending { .. })).count() >= 2, "{stages:?}");
    assert!(!stages.contains(&Stage::Working), "{stages:?}");
}

/// Nothing is read of the chain for longer than a member may take to commit, and it could not have committed.
#[test]
fn an_outage_is_not_held_against_members_that_have_their_result() {
    let (mut world, job) = two_of_three_for(3, 1, 200_000);
    world.pass(190);
    world.chain_down = true;
    world.pass(280);
    world.chain_down = false;
    until_closed(&mut world, job);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert_eq!(outcomes(&world), [LeaseOutcome::Completed; 3]);
    world.check_money();
}
