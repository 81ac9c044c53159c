use millrace_protocol::{LeaseOutcome, Seconds, UnixSeconds};

use super::*;
use crate::history::Entry;

const NODE: Address = Address([1; 32]);
const AT: UnixSeconds = UnixSeconds(1);

fn history(events: Vec<JobEvent>) -> JobHistory {
    let entry = |(number, event)| Entry { signature: Signature::from([number; 64]), slot: 1, time: None, event };
    JobHistory { job: Address([9; 32]), entries: (1u8..).zip(events).map(entry).collect() }
}

fn opened(deposit: u64) -> JobEvent {
    JobEvent::Opened {
        buyer: NODE,
        funder: NODE,
        deposit: MicroUsdc(deposit),
        vault_before: MicroUsdc(0),
        vault_after: MicroUsdc(deposit),
        at: AT,
    }
}

fn settled(payment: u64, fee: u64, vault_before: u64) -> JobEvent {
    JobEvent::Settled {
        lease: NODE,
        number: 0,
        node: NODE,
        provider: NODE,
        sequence: 1,
        metered: Seconds(12),
        payment: MicroUsdc(payment),
        fee: MicroUsdc(fee),
        compensation: MicroUsdc::ZERO,
        outcome: None,
        vault_before: MicroUsdc(vault_before),
        vault_after: MicroUsdc(vault_before - payment),
        at: AT,
    }
}

fn lost(penalty: u64, vault_before: u64) -> JobEvent {
    JobEvent::LeaseSettled {
        lease: NODE,
        number: 0,
        node: NODE,
        provider: NODE,
        outcome: LeaseOutcome::Lost,
        metered: Seconds(12),
        payment: MicroUsdc::ZERO,
        fee: MicroUsdc::ZERO,
        compensation: MicroUsdc(penalty),
        challenger_refund: MicroUsdc::ZERO,
        challenger_forfeit: MicroUsdc::ZERO,
        vault_before: MicroUsdc(vault_before),
        vault_after: MicroUsdc(vault_before + penalty),
        at: AT,
    }
}

fn closed(refund: u64, surplus: u64) -> JobEvent {
    JobEvent::Closed {
        funder: NODE,
        refund: MicroUsdc(refund),
        surplus: MicroUsdc(surplus),
        vault_before: MicroUsdc(refund + surplus),
        vault_after: MicroUsdc(0),
        at: AT,
    }
}

#[test]
fn deposit_and_compensation_are_payments_fees_and_refund() {
    let statement =
        history(vec![opened(1_000), settled(400, 20, 1_000), settled(0, 0, 600), lost(50, 600), closed(650, 0)])
            .statement();
    assert_eq!((statement.paid(), statement.fees()), (MicroUsdc(380), MicroUsdc(20)));
    assert_eq!(statement.compensation(), MicroUsdc(50));
    assert_eq!(statement.refund.unwrap().amount, MicroUsdc(650));
    assert_eq!(statement.refund.unwrap().signature, Signature::from([5; 64]));
    assert_eq!(statement.nodes.len(), 1);
    assert_eq!(statement.nodes[0].metered(), Seconds(12), "cumulative within a lease");
    assert_eq!(statement.nodes[0].paid, [Posting { amount: MicroUsdc(380), signature: Signature::from([2; 64]) }]);
    assert_eq!(statement.in_vault, MicroUsdc::ZERO);
    assert!(statement.balanced());
}

#[test]
fn an_open_job_balances_with_what_is_in_its_vault() {
    let statement = history(vec![opened(1_000), settled(400, 20, 1_000)]).statement();
    assert_eq!((statement.refund, statement.in_vault), (None, MicroUsdc(600)));
    assert!(statement.balanced());
}

#[test]
fn a_strangers_gift_is_accounted_for() {
    assert!(history(vec![opened(10), closed(10, 3)]).statement().balanced());
}

#[test]
fn a_missing_or_false_event_is_noticed() {
    assert!(!history(Vec::new()).statement().balanced());
    assert!(!history(vec![closed(10, 0)]).statement().balanced());
    assert!(!history(vec![opened(1_000), closed(600, 0)]).statement().balanced(), "a payment is missing");
    assert!(!history(vec![opened(1_000), settled(400, 20, 999)]).statement().balanced());
    assert!(!history(vec![opened(1_000), closed(999, 0)]).statement().balanced());
}

#[test]
fn a_challengers_bond_goes_in_and_out_whoever_gets_it() {
    let disputed = JobEvent::DisputeOpened {
        lease: NODE,
        challenger: NODE,
        evidence_hash: [0; 32],
        bond: MicroUsdc(7),
        vault_before: MicroUsdc(100),
        vault_after: MicroUsdc(107),
        decide_by: AT,
        at: AT,
    };
    let ended = |refund, forfeit| {
        let JobEvent::LeaseSettled { lease, number, node, provider, outcome, metered, fee, compensation, at, .. } =
            lost(0, 0)
        else {
            panic!()
        };
        JobEvent::LeaseSettled {
            lease,
            number,
            node,
            provider,
            outcome,
            metered,
            payment: MicroUsdc(20),
            fee,
            compensation,
            challenger_refund: MicroUsdc(refund),
            challenger_forfeit: MicroUsdc(forfeit),
            vault_before: MicroUsdc(107),
            vault_after: MicroUsdc(80),
            at,
        }
    };
    for (refund, forfeit) in [(7, 0), (0, 7)] {
        let statement = history(vec![opened(100), disputed, ended(refund, forfeit)]).statement();
        assert!(statement.balanced(), "{statement:?}");
        assert_eq!((total(&statement.challenges), total(&statement.challenges_over)), (MicroUsdc(7), MicroUsdc(7)));
    }
    assert!(!history(vec![opened(100), disputed, ended(0, 6)]).statement().balanced());
}
