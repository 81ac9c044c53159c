//! Jobs are kept for a time once they are closed, and then nothing of them is.

use std::collections::BTreeSet;

use millrace_protocol::{Address, JobTerms, Payment, PricePerGpuHour, Seconds, UnixSeconds, Verification};
use millrace_spec::{After, Condition, sha256};

use super::world::*;
use crate::*;

const KEEP: u64 = 100;

/// A closed job in a network that keeps it so many seconds.
fn closed(workload: Workload) -> (World, Address) {
    let mut world = World::with_nodes(2);
    world.keep_jobs_for(KEEP);
    let job = world.add_job(1, terms(), workload);
    until_closed(&mut world, job);
    (world, job)
}

fn until_closed(world: &mut World, job: Address) {
    world.drain();
    for _ in 0..2_000 {
        if !world.jobs.contains_key(&job) {
            return;
        }
        world.pass(1);
    }
    panic!("it never ended: {:?}", world.explain(job));
}

/// Second by second, until the job's time is over.
fn pass_until(world: &mut World, moment: UnixSeconds) {
    while world.now().chain < moment {
        assert_eq!(forgotten(world), [], "before {}", moment.0);
        world.pass(1);
    }
}

fn forgotten(world: &World) -> Vec<Forgotten> {
    let forgotten = world.log.iter().filter_map(|action| match action {
        Action::Forget(forgotten) => Some(forgotten.clone()),
        _ => None,
    });
    forgotten.collect()
}

/// Neither in memory nor on disk is anything of any job.
#[track_caller]
fn nothing_is_left(world: &World) {
    let core = &world.core;
    assert_eq!((core.jobs().count(), core.leases.len(), core.leases_by_job.len()), (0, 0, 0));
    assert_eq!((core.open_jobs.len(), core.n_open_leases(), core.n_queued()), (0, 0, 0));
    assert_eq!((core.kept.len(), core.named_by.len()), (0, 0));
    assert_eq!((core.auctions.len(), core.rounds.len(), core.order_unknown.len()), (0, 0, 0));
    assert_eq!((core.reservations.len(), core.holds.len(), core.stale_claims.len()), (0, 0, 0));
    assert_eq!((core.market.claims().count(), core.queue.asleep().count()), (0, 0));
    assert!(core.workloads.is_empty() && core.demands.is_empty() && core.preemption.is_empty());
    let much_later = Now { millis: world.millis + 86_400_000, chain: UnixSeconds(world.now().chain.0 + 86_400) };
    assert_eq!(core.agenda.due(much_later), BTreeSet::new());
    assert!(world.disk.is_empty(), "{:?}", world.disk.keys());
}

#[test]
fn a_closed_job_is_kept_for_as_long_as_it_is_to_be_and_gone_right_after() {
    let (mut world, job) = closed(workload(5));
    let until = world.core.kept_until(job).unwrap();
    assert_eq!(until.0, world.now().chain.0 + KEEP);
    let leases: BTreeSet<Address> = world.core.leases.keys().copied().collect();
    assert!(leases.len() > 1 && world.core.job(job).unwrap().all_done());
    pass_until(&mut world, until);
    let [gone] = forgotten(&world).try_into().unwrap();
    assert_eq!((gone.job, gone.opened_slot, gone.is_replaced), (job, 1, false));
    assert_eq!(gone.leases.into_iter().collect::<BTreeSet<_>>(), leases);
    nothing_is_left(&world);
    world.check_money();
}

#[test]
fn a_job_with_an_account_is_never_forgotten() {
    let mut world = World::with_nodes(1);
    world.keep_jobs_for(0);
    let job = world.add_job(1, JobTerms { start_window: Seconds(9_000), ..terms() }, Workload::default());
    world.pass(2_000);
    assert!(world.core.job(job).is_some() && world.core.kept_until(job).is_none());
    world.cancel(job);
    assert_eq!(forgotten(&world).len(), 1, "kept for no time, it goes with its account");
    nothing_is_left(&world);
}

/// A reading of the chain may tell of the job's end before it tells of its leases'.
#[test]
fn leases_that_may_be_on_chain_hold_their_job() {
    let mut world = World::with_nodes(1);
    world.task_millis = 10_000_000;
    let job = world.add_job(1, terms(), workload(1));
    world.keep_jobs_for(KEEP);
    world.drain();
    let lease = world.lease_of(address(b'N', 1));
    let is_forgetting = |actions: Vec<Action>| actions.iter().any(|action| matches!(action, Action::Forget(_)));
    let now = world.now();
    assert!(!is_forgetting(world.core.on_event(now, Event::AccountGone { address: job })));
    let later = |seconds| Now { millis: now.millis + seconds * 1_000, chain: UnixSeconds(now.chain.0 + seconds) };
    for seconds in [KEEP, KEEP + 1, KEEP + 500] {
        assert!(!is_forgetting(world.core.on_event(later(seconds), Event::Tick)));
    }
    assert!(world.core.job(job).is_some());
    // Its deadline was cranked in the meantime, which came to nothing.
    let failed = Event::TransactionFailed { transaction: Transaction::ExpireLease { lease }, cause: cause("gone") };
    assert!(!is_forgetting(world.core.on_event(later(KEEP + 501), failed)));
    let gone = Event::AccountGone { address: lease };
    assert!(is_forgetting(world.core.on_event(later(KEEP + 501), gone)), "the last thing that held it");
    assert!(world.core.job(job).is_none() && world.core.lease(lease).is_none());
}

#[test]
fn what_is_on_its_way_to_the_chain_holds_its_job() {
    let (mut world, job) = closed(workload(1));
    let lease = *world.core.leases.keys().next().unwrap();
    world.core.leases.get_mut(&lease).unwrap().crank.in_flight = true;
    world.pass(KEEP + 10);
    assert!(world.core.job(job).is_some());
    let transaction = Transaction::ExpireLease { lease };
    world.inbox.push_back(Event::TransactionFailed { transaction, cause: cause("gone") });
    world.drain();
    nothing_is_left(&world);
}

#[test]
fn a_job_that_is_to_run_after_it_holds_it() {
    for on in [Condition::Completed, Condition::Ended] {
        let (mut world, first) = closed(workload(1));
        for node in [1, 2] {
            world.rigs.get_mut(&address(b'N', node)).unwrap().refuses = true;
        }
        let after = Workload { after: vec![After { job: first, on }], ..workload(1) };
        let second = world.add_job(2, terms(), after);
        world.pass(KEEP + 200);
        assert!(world.core.job(first).is_some(), "it waits for a node, and for nothing else");
        world.restart();
        world.pass(10);
        assert!(world.core.job(first).is_some());
        world.rigs.get_mut(&address(b'N', 1)).unwrap().refuses = false;
        until_closed(&mut world, second);
        assert!(world.finished(second));
        world.pass(1);
        assert_eq!(forgotten(&world).iter().map(|gone| gone.job).collect::<Vec<_>>(), [first]);
        world.pass(KEEP);
        nothing_is_left(&world);
    }
}

/// One that was refused for waiting in vain holds nobody, and is on nobody's list.
#[test]
fn a_job_that_waited_for_one_that_nobody_knows_is_forgotten_too() {
    let mut world = World::with_nodes(1);
    world.keep_jobs_for(KEEP);
    let after = vec![After { job: address(b'J', 9), on: Condition::Completed }];
    let job = world.add_job(1, terms(), Workload { after, ..workload(1) });
    world.pass(20);
    world.cancel(job);
    until_closed(&mut world, job);
    world.pass(KEEP + 1);
    nothing_is_left(&world);
}

#[test]
fn an_earlier_job_that_waited_for_one_that_nobody_knows_leaves_nothing_either() {
    let mut world = World::with_nodes(1);
    world.keep_jobs_for(KEEP);
    let after = vec![After { job: address(b'J', 9), on: Condition::Completed }];
    let job = world.add_job(1, terms(), Workload { after, ..workload(1) });
    world.pass(20);
    world.cancel(job);
    until_closed(&mut world, job);
    assert_eq!(world.add_job(1, terms(), workload(1)), job);
    until_closed(&mut world, job);
    world.pass(2 * KEEP);
    nothing_is_left(&world);
}

#[test]
fn a_restart_changes_no_moment_and_brings_nothing_back() {
    let (mut world, job) = closed(workload(3));
    let until = world.core.kept_until(job).unwrap();
    world.pass(KEEP / 2);
    world.restart();
    world.drain();
    assert_eq!(world.core.kept_until(job), Some(until));
    pass_until(&mut world, until);
    assert_eq!(forgotten(&world).len(), 1);
    world.restart();
    world.pass(10);
    nothing_is_left(&world);
}

/// Journals of earlier versions do not say when a job was closed.
#[test]
fn a_job_of_which_nobody_knows_when_it_was_closed_was_closed_at_the_restart() {
    let (mut world, job) = closed(workload(1));
    world.pass(KEEP / 2);
    let Some(Record::Job(record)) = world.disk.get_mut(&(job, 0, 0)) else { panic!("it is not on disk") };
    record.closed_at = None;
    let text = serde_json::to_string(&Record::Job(record.clone())).unwrap();
    assert!(!text.contains("closed_at") && !text.contains("earlier"), "it is as it was");
    world.restart();
    world.drain();
    let until = UnixSeconds(world.now().chain.0 + KEEP);
    assert_eq!(world.core.kept_until(job), Some(until));
    world.pass(KEEP / 2);
    world.restart();
    world.drain();
    assert_eq!(world.core.kept_until(job), Some(until), "that is written down");
    pass_until(&mut world, until);
    nothing_is_left(&world);
}

#[test]
fn members_own_tasks_and_rounds_are_gone_too() {
    let mut world = World::with_nodes(3);
    world.keep_jobs_for(KEEP);
    let counted = JobTerms {
        verification: Verification::Quorum { needed: 2, size: 3 },
        payment: Payment::OnResult,
        concurrent_leases: 3,
        ..terms()
    };
    let job = world.add_job(1, counted, workload(2));
    world.drain();
    let seen = world.quorums[&job];
    until_closed(&mut world, job);
    assert!(world.disk.keys().any(|(.., kind)| *kind == 5), "members' tasks are on disk");
    world.pass(KEEP);
    nothing_is_left(&world);
    // A late reading of its round.
    let (round, quorum) = seen;
    world.feed(Event::QuorumSeen { job, round, quorum: quorum.into() });
    nothing_is_left(&world);
}

#[test]
fn auctions_are_gone_too() {
    let (mut world, job) =
        closed(Workload { placement: Placement { auction: true, ..Placement::default() }, ..workload(2) });
    assert!(world.core.auctions_of(job).count() > 0);
    world.pass(KEEP);
    nothing_is_left(&world);
}

#[test]
fn room_that_was_made_for_a_job_is_gone_with_it() {
    let mut world = World::with_nodes(1);
    world.keep_jobs_for(KEEP);
    world.task_millis = 10_000_000;
    let spot = world.add_job(1, JobTerms { spot: true, lease_seconds: Seconds(3_000), ..terms() }, workload(1));
    world.pass(60);
    world.task_millis = 3_000;
    let posted = world.add_job(2, terms(), workload(1));
    until_closed(&mut world, posted);
    assert!(world.count(|action| matches!(action, Action::NoticePreemption { .. })) > 0);
    world.cancel(spot);
    until_closed(&mut world, spot);
    world.pass(KEEP);
    nothing_is_left(&world);
}

#[test]
fn the_same_workload_is_shared_until_the_last_job_that_asks_for_it_is_forgotten() {
    let (mut world, first) = closed(workload(1));
    let second = world.add_job(2, terms(), workload(1));
    until_closed(&mut world, second);
    let until = world.core.kept_until(first).unwrap();
    pass_until(&mut world, until);
    assert!(world.core.job(first).is_none() && world.core.job(second).is_some());
    assert!(!world.core.workloads.is_empty());
    world.pass(KEEP);
    nothing_is_left(&world);
}

#[test]
fn what_is_heard_of_a_forgotten_job_brings_nothing_back() {
    let (mut world, job) = closed(workload(1));
    let node = address(b'N', 1);
    let lease = *world.core.leases.keys().next().unwrap();
    let opened = world.closed[&job];
    world.pass(KEEP);
    nothing_is_left(&world);
    let mut answer = |event| {
        let answer = world.core.on_event(world.now(), event);
        nothing_is_left(&world);
        answer
    };
    let over = Action::LeaseOver { node, lease };
    assert_eq!(
        answer(Event::Heartbeat { node, leases: vec![lease] }),
        std::slice::from_ref(&over),
        "as of any unknown lease"
    );
    let held = vec![HeldLease { lease, tasks: vec![HeldTask { task: 0, attempt: 1 }] }];
    let connected = Event::WorkerConnected { node, session: 9, images: BTreeSet::new(), held };
    assert_eq!(answer(connected), [over]);
    let (task, attempt) = (0, 1);
    let update = |progress| Event::TaskUpdate { node, lease, task, attempt, progress };
    let phase = TaskProgress::Phase { phase: TaskPhase::Running, bytes: (0, 0) };
    assert_eq!(answer(update(phase)), [Action::StopTask { node, lease, task, attempt }]);
    let acknowledged = Action::AcknowledgeTask { node, lease, task, attempt };
    assert_eq!(
        answer(update(TaskProgress::Done { outputs: vec![output_of(0, false)] })),
        std::slice::from_ref(&acknowledged)
    );
    let (fault, exit_code) = (Fault::Node, None);
    assert_eq!(answer(update(TaskProgress::Failed { fault, exit_code, cause: cause("late") })), [acknowledged]);
    let manifest = output_of(0, false).object;
    let brought = Brought { attempt, manifest, files: 1, bytes: 1 };
    let (transaction, sequence) = (|transaction| Event::TransactionDone { transaction, signature: "x".into() }, 7);
    let silent = [
        Event::LeaseReport { node, lease, result_root: sha256(b"late") },
        Event::BroughtAway { node, lease, task, round: Round::Checkpoint, brought },
        Event::SetBack { node, lease, task, attempt, round: Round::Checkpoint, cause: Some(cause("late")) },
        Event::AccountGone { address: lease },
        Event::AccountGone { address: job },
        Event::SpecFailed { job, cause: cause("late"), permanent: true },
        Event::SpecFetched { job, workload: workload(1) },
        Event::OfferFailed { job, offer: 1, failure: OpenFailure::Unanswered },
        Event::BidDeclined { node, job, auction: 0 },
        transaction(Transaction::Settle { lease, sequence }),
        transaction(Transaction::ExpireLease { lease }),
        transaction(Transaction::CloseJob { job }),
        transaction(Transaction::OpenLease { job, offer: 1 }),
        Event::TransactionFailed { transaction: Transaction::CloseJob { job }, cause: cause("late") },
    ];
    for event in silent {
        assert_eq!(answer(event.clone()), [], "{event:?}");
    }
    let (auction, valid_until, opened_slot) = (0, UnixSeconds(START * 2), opened.opened_slot);
    let invitation = Invitation { job, opened_slot, auction, valid_until };
    let bid = Event::BidMade { signed: bid(node, PricePerGpuHour(1), &invitation), key: address(b'K', 1) };
    assert_eq!(answer(bid), [Action::RefuseBid { node, job, auction, reason: BidRefused::NoAuction }]);
}

#[test]
fn a_job_id_may_be_used_again_once_its_job_is_forgotten() {
    let (mut world, job) = closed(workload(2));
    world.pass(KEEP);
    nothing_is_left(&world);
    assert_eq!(world.add_job(1, terms(), workload(1)), job);
    until_closed(&mut world, job);
    assert!(world.finished(job));
    assert_eq!((world.core.leases_of(job).len(), world.core.job(job).unwrap().tasks.len()), (1, 1));
    world.pass(KEEP);
    nothing_is_left(&world);
}

/// The earlier job's moment comes while the later one works: the earlier one's leases go, and nothing else.
#[test]
fn a_job_id_may_be_used_again_while_its_job_waits_to_be_forgotten() {
    for restarts in [false, true] {
        let (mut world, job) = closed(workload(2));
        let opened_slot = world.core.job(job).unwrap().view.opened_slot;
        let until = world.core.kept_until(job).unwrap();
        let earlier: Vec<Address> = world.core.leases.keys().copied().collect();
        world.pass(KEEP / 2);
        world.task_millis = 2 * KEEP * 1_000;
        world.add_job(1, terms(), workload(1));
        world.drain();
        assert_eq!(world.core.kept_until(job), None, "it has an account again");
        if restarts {
            world.restart();
            world.drain();
        }
        assert_eq!(world.core.leases_of(job).len(), earlier.len() + 1);
        pass_until(&mut world, until);
        assert_eq!(forgotten(&world), [Forgotten { job, opened_slot, leases: earlier.clone(), is_replaced: true }]);
        assert_eq!(world.core.leases_of(job).len(), 1);
        let on_disk = |kind| world.disk.keys().filter(|key| key.2 == kind).count();
        assert_eq!((on_disk(0), on_disk(2)), (1, 1), "the later job and its lease");
        until_closed(&mut world, job);
        assert!(world.finished(job), "nothing of it was forgotten");
        world.pass(KEEP);
        assert_eq!(forgotten(&world).len(), 2);
        nothing_is_left(&world);
    }
}

/// The word that the earlier job was closed comes when the later one is known already.
#[test]
fn the_end_of_an_earlier_job_is_not_the_end_of_the_later_one() {
    let (mut world, job) = closed(workload(1));
    world.task_millis = 60_000;
    world.add_job(1, terms(), workload(1));
    world.drain();
    let transaction = Transaction::CloseJob { job };
    world.feed(Event::TransactionDone { transaction, signature: "late".to_owned() });
    assert!(world.core.job(job).unwrap().on_chain);
    until_closed(&mut world, job);
    assert!(world.finished(job));
}

#[test]
fn after_a_long_pause_jobs_are_forgotten_some_at_each_tick() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(40));
    until_closed(&mut world, job);
    let Some(Record::Job(record)) = world.disk.get(&(job, 0, 0)).cloned() else { panic!("it is not on disk") };
    let records =
        (1..=200).map(|number| Record::Job(JobRecord { job: address(b'J', number), ..*record.clone() }.into()));
    let months = 90 * 86_400;
    let later = Now { millis: world.millis + months * 1_000, chain: UnixSeconds(world.now().chain.0 + months) };
    let mut core = Core::restore(settings(), later, records);
    let mut n_forgotten = |event| {
        let answer = core.on_event(later, event);
        assert!(answer.iter().all(|action| matches!(action, Action::Forget(_))));
        (answer.len(), core.jobs().count())
    };
    // Each has 41 rows, and at 2,048 it is enough.
    assert_eq!(n_forgotten(Event::Tick), (50, 150));
    let all = Event::ParametersSeen(world.parameters);
    assert_eq!(n_forgotten(all), (50, 100), "a look at everything has the same bound");
    let rest: Vec<_> = (0..3).map(|_| n_forgotten(Event::Tick)).collect();
    assert_eq!(rest, [(50, 50), (50, 0), (0, 0)]);
}

/// See [`World::finish_killed_at`]: also around the answers that forget.
fn killed_at(step: usize, survives: Option<usize>) -> bool {
    let mut world = World::with_nodes(2);
    world.keep_jobs_for(20);
    let job = world.add_job(1, terms(), workload(2));
    let is_over = |world: &World| world.closed.contains_key(&job) && world.core.jobs().next().is_none();
    if !world.live_killed_at(is_over, 4_000, step, survives) {
        return false;
    }
    nothing_is_left(&world);
    assert_eq!(world.closed[&job].job.attempts_failed, 0, "killed at {step}, survives {survives:?}");
    true
}

#[test]
fn killed_at_any_step_a_job_is_forgotten_all_the_same() {
    let n_steps = (0..).take_while(|step| killed_at(*step, None)).count();
    let n_whole = (0..).take_while(|step| killed_at(*step, Some(0))).count();
    assert!(n_steps > 50 && n_whole > 50, "{n_steps} and {n_whole} steps");
}
