use super::*;
use millrace_client::Signature;
use millrace_client::history::{Entry, JobEvent, JobHistory};
use millrace_protocol::{LeaseOutcome, Seconds, UnixSeconds};

const AT: UnixSeconds = UnixSeconds(1_800_000_000);
const ALDER: Address = Address([1; 32]);
const BIRCH: Address = Address([3; 32]);

fn settled(payment: u64, fee: u64, before: u64) -> JobEvent {
    JobEvent::Settled {
        lease: Address([8; 32]),
        number: 0,
        node: ALDER,
        provider: Address([2; 32]),
        sequence: 1,
        metered: Seconds(9),
        payment: MicroUsdc(payment),
        fee: MicroUsdc(fee),
        compensation: MicroUsdc::ZERO,
        outcome: None,
        vault_before: MicroUsdc(before),
        vault_after: MicroUsdc(before - payment),
        at: AT,
    }
}

fn events(refund: u64) -> Vec<JobEvent> {
    vec![
        JobEvent::Opened {
            buyer: Address([9; 32]),
            funder: Address([9; 32]),
            deposit: MicroUsdc(1_500_000),
            vault_before: MicroUsdc::ZERO,
            vault_after: MicroUsdc(1_500_000),
            at: AT,
        },
        settled(1_000, 50, 1_500_000),
        settled(2_000, 100, 1_499_000),
        JobEvent::LeaseSettled {
            lease: Address([7; 32]),
            number: 1,
            node: BIRCH,
            provider: Address([4; 32]),
            outcome: LeaseOutcome::Lost,
            metered: Seconds::ZERO,
            payment: MicroUsdc::ZERO,
            fee: MicroUsdc::ZERO,
            compensation: MicroUsdc(250_000),
            challenger_refund: MicroUsdc::ZERO,
            challenger_forfeit: MicroUsdc::ZERO,
            vault_before: MicroUsdc(1_497_000),
            vault_after: MicroUsdc(1_747_000),
            at: AT,
        },
        JobEvent::Closed {
            funder: Address([9; 32]),
            refund: MicroUsdc(refund),
            surplus: MicroUsdc::ZERO,
            vault_before: MicroUsdc(1_747_000),
            vault_after: MicroUsdc::ZERO,
            at: AT,
        },
    ]
}

fn account_of(events: Vec<JobEvent>) -> Account {
    let entry = |(index, event): (u8, JobEvent)| Entry {
        signature: Signature::from([index; 64]),
        slot: u64::from(index),
        time: Some(AT),
        event,
    };
    let entries = (1..).zip(events).map(entry).collect();
    let name = |node| if node == ALDER { "Alder Compute".to_owned() } else { "Birch Labs".to_owned() };
    account(&JobHistory { job: Address([5; 32]), entries }.statement(), &name)
}

#[test]
fn every_movement_has_a_line_and_a_transaction() {
    let account = account_of(events(1_747_000));
    assert_eq!((account.paid_in, account.paid_out), (MicroUsdc(1_750_000), MicroUsdc(1_750_000)));
    insta::assert_snapshot!(text(&account, Style::plain()));
}

#[test]
fn one_micro_usdc_missing_is_not_exact() {
    assert!(!account_of(events(1_746_999)).exact);
}

#[test]
fn a_job_without_its_refund_is_not_exact() {
    let mut open = events(0);
    open.pop();
    assert!(!account_of(open).exact);
}
