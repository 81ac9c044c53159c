use millrace_protocol::{Address, MicroUsdc, UnixSeconds};
use millrace_spec::Sha256;
use millrace_spec::merkle::{self, Leaf};

use super::rig::*;
use crate::*;

fn root_of(tasks: &[u32]) -> Sha256 {
    let Output { path, object } = output("frame.png");
    merkle::root(tasks.iter().map(|task| Leaf { task: *task, path: path.clone(), object }).collect())
}

fn ended(rig: &Rig) -> Vec<Sha256> {
    rig.reports
        .iter()
        .filter_map(|report| match report {
            Report::LeaseEnded { result_root, .. } => Some(*result_root),
            _ => None,
        })
        .collect()
}

#[test]
fn one_container_runs_per_lease_and_the_next_task_waits() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.assign(1);
    assert_eq!(rig.phase(1), Phase::Assigned);
    rig.settle();
    assert_eq!(rig.done(), [0, 1]);
    assert!(rig.is_clean());
}

#[test]
fn a_repeated_assignment_is_answered_and_not_run_twice() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.assign(0);
    assert_eq!(rig.pending.len(), 1);
    assert_eq!(rig.reports, [Report::FetchingInputs(key(0)), Report::FetchingInputs(key(0))]);
}

#[test]
fn a_task_without_a_lease_is_refused() {
    let mut rig = Rig::new();
    rig.assign(0);
    assert_eq!(rig.last_failure(), Some(Cause::LeaseUnknown));
    assert!(rig.journal.is_empty());
}

#[test]
fn a_lease_ends_with_the_root_over_its_outputs() {
    let mut rig = Rig::leased();
    for task in [1, 0] {
        rig.assign(task);
        rig.settle();
        rig.event(Event::TaskAcknowledged(key(task)));
    }
    rig.event(Event::EndLease(LEASE));
    assert_eq!(ended(&rig), [root_of(&[0, 1])]);
    rig.event(Event::EndLease(LEASE));
    assert_eq!(ended(&rig), [root_of(&[0, 1]); 2], "repeating it repeats the answer");
}

#[test]
fn ending_a_lease_stops_its_task_first() {
    let mut rig = Rig::leased();
    rig.assign(0);
    (0..4).for_each(|_| rig.step());
    rig.assign(1);
    rig.event(Event::EndLease(LEASE));
    assert!(ended(&rig).is_empty());
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.settle();
    assert_eq!(ended(&rig), [root_of(&[])]);
    assert!(rig.is_clean());
    rig.assign(2);
    assert_eq!(rig.last_failure(), Some(Cause::LeaseUnknown), "an ending lease takes no task");
}

#[test]
fn ending_an_unknown_lease_is_answered() {
    let mut rig = Rig::new();
    rig.event(Event::EndLease(LEASE));
    assert_eq!(ended(&rig), [root_of(&[])]);
}

#[test]
fn a_withdrawn_result_does_not_count() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
    assert_eq!(rig.last_failure(), Some(Cause::Stopped));
    rig.event(Event::EndLease(LEASE));
    assert_eq!(ended(&rig), [root_of(&[])]);
}

#[test]
fn a_booked_result_cannot_be_withdrawn() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.event(Event::TaskAcknowledged(key(0)));
    rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
    rig.event(Event::EndLease(LEASE));
    assert_eq!(ended(&rig), [root_of(&[0])]);
}

#[test]
fn stopping_an_unknown_task_is_answered() {
    let mut rig = Rig::leased();
    rig.event(Event::StopTask { key: key(5), reason: StopReason::Requested });
    assert_eq!(rig.last_failure(), Some(Cause::Stopped));
}

#[test]
fn only_newer_vouchers_are_kept() {
    let mut rig = Rig::leased();
    rig.event(voucher(2, 20, false));
    rig.event(voucher(1, 10, false));
    rig.event(voucher(2, 30, false));
    rig.event(voucher(3, 19, false));
    let (kept, signature) = rig.agent.lease(&LEASE).unwrap().voucher().unwrap();
    assert_eq!((kept.sequence, kept.metered.0, signature.len()), (2, 20, 64));
    assert_eq!(rig.journal.iter().filter(|record| matches!(record, Record::Voucher { .. })).count(), 1);
}

#[test]
fn a_reported_lease_whose_final_voucher_the_chain_has_is_closed_with_what_it_earned() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.event(voucher(1, 5, false));
    rig.event(Event::EndLease(LEASE));
    rig.event(voucher(2, 7, true));
    rig.pays();
    let earned = MicroUsdc(7_000);
    assert_eq!(rig.reports.last(), Some(&Report::LeaseClosed { lease: LEASE, earned }));
    assert_eq!(rig.agent, Agent::default());
}

#[test]
fn a_final_voucher_out_of_the_blue_ends_the_lease() {
    let mut rig = Rig::leased();
    rig.assign(0);
    (0..4).for_each(|_| rig.step());
    rig.event(voucher(1, 7, true));
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.settle();
    assert!(rig.is_clean());
    rig.pays();
    assert_eq!(rig.agent, Agent::default());
}

#[test]
fn vouchers_of_other_leases_are_ignored() {
    let mut rig = Rig::new();
    rig.event(voucher(1, 1, false));
    assert!(rig.journal.is_empty());
}

#[test]
fn a_lease_that_is_called_over_leaves_nothing_once_the_chain_does_not_have_it() {
    for steps in 0..8 {
        let mut rig = Rig::leased();
        rig.assign(0);
        (0..steps.min(7)).for_each(|_| rig.step());
        rig.event(Event::LeaseOver(LEASE));
        let mut cut = rig.clone();
        cut.restart();
        for (rig, how) in [(&mut rig, "called over"), (&mut cut, "killed then")] {
            rig.settle();
            assert!(rig.is_clean(), "{how} after {steps} steps");
            let done: &[u32] = if rig.done().is_empty() { &[] } else { &[0] };
            assert_eq!(ended(rig).last(), Some(&root_of(done)), "{how} after {steps} steps");
            rig.pays();
            assert_eq!(rig.agent, Agent::default(), "{how} after {steps} steps");
        }
    }
    let mut rig = Rig::new();
    rig.event(Event::LeaseOver(LEASE));
    assert!(rig.journal.is_empty() && rig.reports.is_empty(), "one that it does not have");
}

#[test]
fn an_offer_that_never_became_a_lease_gives_its_units_back() {
    let mut rig = Rig::leased();
    let reads = |rig: &mut Rig, clock| rig.event(Event::LeaseRead { lease: LEASE, account: None, clock });
    rig.tick(149);
    let now = rig.now;
    reads(&mut rig, now);
    rig.tick(1_400 - 149);
    assert_eq!(rig.agent.leased().0, 1, "it may have landed while no chain could be read");
    // An endpoint that is behind.
    reads(&mut rig, now);
    assert_eq!(rig.agent.leased().0, 1);
    reads(&mut rig, UnixSeconds(now.0 + 1));
    assert_eq!(rig.agent.leased().0, 0);
    assert_eq!(rig.journal.last(), Some(&Record::LeaseClosed { lease: LEASE }));
}

#[test]
fn an_offer_of_which_no_chain_tells_ends_with_its_lease() {
    let mut rig = Rig::leased();
    rig.tick(1_499);
    assert_eq!(rig.agent.leased().0, 1);
    rig.tick(1);
    assert_eq!(rig.agent.leased().0, 0);
}

#[test]
fn a_lease_whose_orchestrator_vanished_ends_by_itself() {
    let mut rig = Rig::leased();
    let mut long = assignment(0);
    long.limits.time = millrace_protocol::Seconds(100_000);
    rig.event(Event::TaskAssigned(long));
    (0..4).for_each(|_| rig.step());
    rig.tick(1_499);
    assert!(rig.signals.is_empty());
    rig.tick(1);
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.settle();
    assert_eq!(ended(&rig).len(), 1);
    rig.tick(86_400);
    assert_eq!(rig.agent, Agent::default(), "its voucher is of no use any more");
}

#[test]
fn what_was_missed_is_told_again_after_a_reconnect() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.assign(1);
    rig.reports.clear();
    rig.event(Event::Connected);
    assert_eq!(rig.reports, [Report::Done(key(0), vec![output("frame.png")]), Report::FetchingInputs(key(1))]);
    rig.event(Event::TaskAcknowledged(key(0)));
    rig.reports.clear();
    rig.event(Event::Connected);
    assert_eq!(rig.reports, [Report::FetchingInputs(key(1))]);
}

#[test]
fn an_unfinished_task_cannot_be_acknowledged() {
    let mut rig = Rig::leased();
    rig.assign(0);
    let before = rig.agent.clone();
    rig.event(Event::TaskAcknowledged(key(0)));
    assert_eq!(rig.agent, before);
}

#[test]
fn leases_do_not_disturb_each_other() {
    let mut rig = Rig::leased();
    let other = Address([8; 32]);
    rig.event(Event::OfferAccepted { lease: other, terms: terms() });
    let mut foreign = assignment(0);
    foreign.key.lease = other;
    rig.assign(0);
    rig.event(Event::TaskAssigned(foreign));
    assert_eq!(rig.pending.len(), 2, "both begin at once");
    rig.event(Event::EndLease(LEASE));
    rig.settle();
    assert_eq!(rig.agent.leased().0, 1);
    assert_eq!(rig.done(), [0]);
}
