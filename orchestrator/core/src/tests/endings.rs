use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Address, JobTerms, LeaseOutcome, MicroUsdc, Payment, Ruling, Seconds, money};

use super::world::*;
use crate::*;

#[test]
fn a_job_runs_through_and_the_money_adds_up() {
    let mut world = World::with_nodes(3);
    let job = world.add_job(1, terms(), workload(24));
    world.drain();
    world.pass(60);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert_eq!(world.outcome(job), Some(&Outcome::Completed));
    assert_eq!(world.offers().len(), 3);
    assert!(world.ended.iter().any(|(_, outcome, _)| *outcome == LeaseOutcome::Completed));
    world.check_money();
}

#[test]
fn a_plain_job_needs_one_settlement_per_lease() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(2));
    world.drain();
    world.pass(30);
    assert!(world.finished(job));
    let settled = world.settled();
    assert_eq!(settled.len(), 1);
    assert!(settled[0].is_final && settled[0].exit_class == ExitClass::Completed);
    assert!(settled[0].metered >= Seconds(5), "{settled:?}");
}

#[test]
fn a_cancelled_open_job_is_closed_at_once() {
    let mut world = World::new();
    let job = world.add_job(1, terms(), workload(2));
    world.drain();
    world.cancel(job);
    assert_eq!(world.outcome(job), Some(&Outcome::Cancelled));
    assert_eq!(world.refunds[&job], terms().deposit);
}

#[test]
fn a_cancel_stops_tasks_pays_until_then_and_refunds_the_rest() {
    let mut world = World::with_nodes(2);
    world.task_millis = 100_000;
    let job = world.add_job(1, terms(), workload(2));
    world.drain();
    world.pass(20);
    world.cancel(job);
    world.pass(3);
    assert_eq!(world.outcome(job), Some(&Outcome::Cancelled));
    assert_eq!(world.count(|action| matches!(action, Action::StopTask { .. })), 2);
    assert!(world.rigs.values().all(|rig| rig.leases.is_empty() && rig.running.is_empty()));
    assert!(world.settled().iter().all(|voucher| voucher.metered <= Seconds(20)));
    assert!(world.closed[&job].job.paid > MicroUsdc::ZERO);
    world.check_money();
}

#[test]
fn a_job_nobody_takes_expires_and_is_closed() {
    let mut world = World::new();
    let job = world.add_job(1, terms(), workload(2));
    world.drain();
    world.pass(899);
    assert!(world.jobs.contains_key(&job));
    world.pass(1);
    assert_eq!(world.outcome(job), Some(&Outcome::Expired));
    assert_eq!(world.refunds[&job], terms().deposit);
}

#[test]
fn an_idle_lease_is_ended_while_others_work_on() {
    let mut world = World::with_nodes(2);
    let job = world.add_job(1, terms(), workload(2));
    world.drain();
    let lease = world.lease_of(address(b'N', 1));
    world.rigs.get_mut(&address(b'N', 2)).unwrap().running[0].3 += 60_000;
    world.pass(6);
    assert_eq!(
        world.ended.iter().map(|ended| (ended.0, ended.1)).collect::<Vec<_>>(),
        [(lease, LeaseOutcome::Released)]
    );
    world.pass(60);
    assert!(world.finished(job));
    world.check_money();
}

/// A job's leases have ended, one released and then one that completes it, while the chain takes nothing.
fn ended_unseen() -> (World, Address) {
    let mut world = World::with_nodes(2);
    let job = world.add_job(1, terms(), workload(2));
    world.drain();
    world.chain_down = true;
    world.rigs.get_mut(&address(b'N', 2)).unwrap().running[0].3 += 4_000;
    world.pass(15);
    (world, job)
}

#[test]
fn a_lease_that_says_done_waits_for_those_that_do_not() {
    let (mut world, job) = ended_unseen();
    assert_eq!(world.outcome(job), Some(&Outcome::Completed));
    assert_eq!(world.final_class(world.lease_of(address(b'N', 1))), Some(ExitClass::Released));
    world.chain_down = false;
    world.pass(30);
    let outcomes: Vec<_> = world.ended.iter().map(|ended| ended.1).collect();
    assert_eq!(outcomes, [LeaseOutcome::Released, LeaseOutcome::Completed]);
    assert!(world.finished(job));
}

#[test]
fn what_was_attested_is_redeemed_before_a_lease_expires_whoever_else_has_not_ended() {
    let (mut world, job) = ended_unseen();
    let done = world.lease_of(address(b'N', 2));
    assert_eq!(world.final_class(done), Some(ExitClass::Completed));
    world.log.clear();
    let (deadline, _) = world.leases[&done].lease.deadline(&world.jobs[&job].job).unwrap();
    world.pass(deadline.since(world.now().chain).0 + 1);
    let of_it = |action: &&Action| matches!(action, Action::Settle { lease, .. } | Action::ExpireLease { lease } if *lease == done);
    let first = world.log.iter().find(of_it);
    assert!(matches!(first, Some(Action::Settle { voucher, .. }) if voucher.is_final), "{first:?}");
}

#[test]
fn a_worker_that_never_reports_the_end_is_settled_without_it() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    let node = address(b'N', 1);
    let lease = world.lease_of(node);
    world.millis += 2_000;
    let rig = world.rigs.get_mut(&node).unwrap();
    let (_, task, attempt, _) = rig.running.remove(0);
    let now = world.now();
    let progress = TaskProgress::Done { outputs: Vec::new() };
    let actions = world.core.on_event(now, Event::TaskUpdate { node, lease, task, attempt, progress });
    assert!(actions.contains(&Action::EndLease { node, lease, counted: false }));
    for action in actions {
        if matches!(action, Action::Persist(_)) {
            world.carry_out(action);
        }
    }
    world.pass(59);
    assert!(world.leases.contains_key(&lease));
    world.pass(5);
    assert!(!world.leases.contains_key(&lease));
    assert!(world.finished(job));
}

#[test]
fn a_differing_result_root_is_noticed_and_not_signed() {
    let mut world = World::with_nodes(1);
    world.add_job(1, terms(), workload(1));
    world.drain();
    let lease = world.lease_of(address(b'N', 1));
    world.pass(2);
    world.rigs.get_mut(&address(b'N', 1)).unwrap().produced.insert(lease, vec![7]);
    world.pass(5);
    assert_eq!(world.count(|action| matches!(action, Action::Notice(Notice::ResultRootDiffers { .. }))), 1);
    assert_eq!(world.settled()[0].result_root, world.core.result_root(lease).0);
}

#[test]
fn a_lease_ended_by_somebody_else_frees_its_task() {
    let mut world = World::with_nodes(1);
    world.task_millis = 100_000;
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    let lease = world.lease_of(address(b'N', 1));
    world.leases.remove(&lease);
    world.feed(Event::AccountGone { address: lease });
    assert_eq!(world.core.job(job).unwrap().tasks[0].state, TaskState::Pending);
    assert!(world.rigs[&address(b'N', 1)].leases.is_empty());
}

/// The chain's readings (job over, lease gone) may come before the word that the settlement landed.
#[test]
fn a_job_is_closed_only_once_its_last_payment_is_booked() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(2));
    world.drain();
    for _ in 0..60 {
        world.millis += 1_000;
        world.work();
        world.heartbeats();
        world.inbox.push_back(Event::Tick);
        while let Some(event) = world.inbox.pop_front() {
            world.feed(event);
            if world.count(|action| matches!(action, Action::CloseJob { .. })) > 0 {
                let booked: Vec<_> = world.core.leases_of(job).iter().map(|lease| lease.view.lease.paid).collect();
                assert_eq!(booked, world.ended.iter().map(|(_, _, paid)| *paid).collect::<Vec<_>>());
                assert!(booked[0] > MicroUsdc::ZERO);
                return;
            }
        }
    }
    panic!("the job was never closed");
}

/// Runs a job whose settlements land, and whose sender never hears of it.
fn unheard(nodes: u32, tasks: u32, terms: JobTerms) -> (World, Address) {
    let mut world = World::with_nodes(nodes);
    let job = world.add_job(1, terms, workload(tasks));
    world.drain();
    pass_unheard(&mut world, 90);
    assert!(world.finished(job));
    (world, job)
}

fn pass_unheard(world: &mut World, seconds: u64) {
    for _ in 0..seconds {
        world.millis += 1_000;
        world.work();
        world.heartbeats();
        world.inbox.push_back(Event::Tick);
        while let Some(event) = world.inbox.pop_front() {
            let event = match event {
                // Nor does the scheduler see a report before the buyer has accepted it.
                Event::LeaseSeen { lease, view } if !view.lease.state.is_live() => {
                    if world.leases.contains_key(&lease) {
                        world.accept(lease);
                    }
                    continue;
                }
                Event::TransactionDone { transaction: transaction @ Transaction::Settle { .. }, .. } => {
                    let cause = Cause { code: "expired".into(), message: "unheard of".into(), hint: String::new() };
                    Event::TransactionFailed { transaction, cause }
                }
                event => event,
            };
            world.feed(event);
        }
    }
}

#[test]
fn a_payment_whose_sender_never_heard_of_it_is_booked_from_the_jobs_own_ledger() {
    let disputable = JobTerms { dispute_window: Seconds(20), ..terms() };
    for (nodes, tasks, terms) in [(1, 2, terms()), (3, 7, terms()), (3, 7, disputable)] {
        let (world, job) = unheard(nodes, tasks, terms);
        let mut booked: Vec<_> =
            world.core.leases_of(job).iter().map(|lease| (lease.address, lease.view.lease.paid)).collect();
        let mut paid: Vec<_> = world.ended.iter().map(|(lease, _, paid)| (*lease, *paid)).collect();
        booked.sort_unstable();
        paid.sort_unstable();
        assert_eq!((booked.len(), &booked), (nodes as usize, &paid));
        assert!(booked.iter().all(|(_, paid)| *paid > MicroUsdc::ZERO));
    }
}

#[test]
fn what_a_ruling_came_to_is_booked_from_the_ledger_while_the_job_goes_on() {
    let paid_on_result = JobTerms { payment: Payment::OnResult, dispute_window: Seconds(3_600), ..terms() };
    for restarts in [false, true] {
        let mut world = World::with_nodes(3);
        let job = world.add_job(1, paid_on_result, workload(7));
        world.drain();
        world.pass(60);
        let reported = world.reported();
        let [wrong, split, right] = reported[..] else { panic!("{reported:?}") };
        for (lease, ruling) in [(wrong, Ruling::BuyerRight), (split, Ruling::Split), (right, Ruling::ProviderRight)] {
            world.dispute(lease);
            if restarts {
                world.restart();
            }
            world.rule(lease, Some(ruling));
            world.pass(62);
            let paid = world.ended.iter().find(|(ended, ..)| *ended == lease).map(|(_, _, paid)| *paid);
            let booked = world.core.lease(lease).map(|entry| (entry.view.lease.paid, entry.is_unbooked()));
            assert_eq!(booked, paid.map(|paid| (paid, false)), "{ruling:?}");
        }
        assert!(world.core.job(job).is_some());
        world.check_money();
    }
}

#[test]
fn what_the_ledger_leaves_open_is_not_guessed_while_the_job_goes_on() {
    let paid_on_result = JobTerms { payment: Payment::OnResult, dispute_window: Seconds(3_600), ..terms() };
    let mut world = World::with_nodes(3);
    let job = world.add_job(1, paid_on_result, workload(3));
    world.drain();
    world.pass(60);
    let mut reported = world.reported();
    let owed = |lease: Address| world.core.lease(lease).unwrap().view.lease.reserved;
    reported.sort_by_key(|lease| owed(*lease));
    let [first, second, _] = reported[..] else { panic!("{reported:?}") };
    assert_eq!(owed(first).0, owed(second).0 / 2, "all of the first is as much as half of the second");
    [first, second].into_iter().for_each(|lease| world.dispute(lease));
    world.rule(first, Some(Ruling::BuyerRight));
    world.rule(second, Some(Ruling::Split));
    world.pass(200);
    assert!([first, second].into_iter().all(|lease| world.core.lease(lease).unwrap().is_unbooked()));
    assert!(!world.finished(job));
}

#[test]
fn a_payment_that_nobody_heard_of_is_booked_while_others_run_on() {
    let mut world = World::with_nodes(2);
    let job = world.add_job(1, JobTerms { payment: Payment::OnResult, ..terms() }, workload(3));
    world.drain();
    while world.rigs.values().any(|rig| rig.running.is_empty()) {
        pass_unheard(&mut world, 1);
    }
    // What they run is over soon, and the third is not.
    world.task_millis = 10_000_000;
    while world.ended.is_empty() {
        pass_unheard(&mut world, 1);
    }
    assert!(world.core.lease(world.ended[0].0).unwrap().is_unbooked(), "another one may have ended unseen");
    pass_unheard(&mut world, 60);
    let (ended, _, paid) = world.ended[0];
    let booked = world.core.lease(ended).unwrap();
    assert!(paid > MicroUsdc::ZERO && !booked.on_chain());
    assert_eq!((booked.view.lease.paid, booked.is_unbooked()), (paid, false));
    assert!(world.core.open_leases().any(|lease| lease.view.job == job && lease.is_unbooked()), "it has its reserve");
}

#[test]
fn a_payment_by_any_voucher_that_was_issued_is_believed_and_no_other() {
    let mut world = World::with_nodes(1);
    world.task_millis = 10_000_000;
    let job = world.add_job(1, terms(), workload(1));
    world.pass(60);
    let entry = world.core.lease(world.lease_of(address(b'N', 1))).unwrap();
    let (redeemed, issued) = (entry.view.lease.metered.0, entry.voucher.unwrap().metered.0);
    assert!(redeemed + 10 < issued);
    let job = &world.core.job(job).unwrap().view.job;
    for seconds in 0..issued + 10 {
        let lease = &entry.view.lease;
        let paid = money::cost(lease.price, lease.units, Seconds(seconds)).unwrap();
        assert_eq!(entry.may_have_been_paid(paid, job), (redeemed..=issued).contains(&seconds), "{seconds}");
        assert!(!entry.may_have_been_paid(MicroUsdc(paid.0 + 1), job), "{seconds}");
    }
}
