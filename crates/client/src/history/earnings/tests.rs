use std::ops::Range;

use solana_signature::Signature;

use super::*;
use crate::history::NodeEntry;

const NODE: Address = Address([1; 32]);
const DAY: u64 = 86_400;

fn settled(lease: u8, at: u64, metered: u64, payment: u64, outcome: Option<LeaseOutcome>) -> JobEvent {
    JobEvent::Settled {
        lease: Address([lease; 32]),
        number: 0,
        node: NODE,
        provider: NODE,
        sequence: metered,
        metered: Seconds(metered),
        payment: MicroUsdc(payment),
        fee: MicroUsdc(payment / 20),
        compensation: MicroUsdc::ZERO,
        outcome,
        vault_before: MicroUsdc::MAX,
        vault_after: MicroUsdc::ZERO,
        at: UnixSeconds(at),
    }
}

fn over(lease: u8, at: u64, metered: u64, compensation: u64, challenger_forfeit: u64) -> JobEvent {
    JobEvent::LeaseSettled {
        lease: Address([lease; 32]),
        number: 0,
        node: NODE,
        provider: NODE,
        outcome: LeaseOutcome::Lost,
        metered: Seconds(metered),
        payment: MicroUsdc::ZERO,
        fee: MicroUsdc::ZERO,
        compensation: MicroUsdc(compensation),
        challenger_refund: MicroUsdc::ZERO,
        challenger_forfeit: MicroUsdc(challenger_forfeit),
        vault_before: MicroUsdc::ZERO,
        vault_after: MicroUsdc::ZERO,
        at: UnixSeconds(at),
    }
}

fn earnings(range: Range<u64>, events: Vec<JobEvent>) -> Earnings {
    let entry = |event| NodeEntry { signature: Signature::default(), job: Address([9; 32]), event };
    let range = UnixSeconds(range.start)..UnixSeconds(range.end);
    NodeHistory { node: NODE, range, entries: events.into_iter().map(entry).collect() }.earnings()
}

#[test]
fn vouchers_are_cumulative_and_payments_are_not() {
    let found = earnings(
        0..u64::MAX,
        vec![
            settled(2, 10, 30, 300, None),
            settled(3, 20, 5, 100, Some(LeaseOutcome::Completed)),
            settled(2, DAY, 90, 600, Some(LeaseOutcome::Released)),
        ],
    );
    let total = Takings { seconds: Seconds(95), gross: MicroUsdc(1_000), fee: MicroUsdc(50), ..Takings::default() };
    assert_eq!((found.total, found.total.net()), (total, MicroUsdc(950)));
    let told: Vec<_> =
        found.leases.iter().map(|one| (one.lease.0[0], one.takings.seconds.0, one.takings.gross.0)).collect();
    assert_eq!(told, [(3, 5, 100), (2, 90, 900)]);
    assert_eq!(found.leases[1].outcome, Some(LeaseOutcome::Released));
    let days: Vec<_> = found.days.iter().map(|(day, takings)| (*day, takings.gross.0)).collect();
    assert_eq!(days, [(0, 400), (1, 600)]);
}

#[test]
fn only_what_was_settled_in_the_range_counts_and_each_second_once() {
    let events = vec![settled(2, 9, 30, 300, None), settled(2, 10, 50, 200, None), settled(2, 20, 70, 200, None)];
    let inside = earnings(10..20, events.clone());
    assert_eq!((inside.total.seconds, inside.total.gross), (Seconds(20), MicroUsdc(200)));
    let whole: u64 = [0..10, 10..20, 20..30].map(|range| earnings(range, events.clone()).total.seconds.0).iter().sum();
    assert_eq!(whole, 70);
}

#[test]
fn a_lost_bond_is_no_negative_earning_and_a_wrong_challenge_pays() {
    let found = earnings(0..100, vec![settled(2, 10, 30, 300, None), over(2, 20, 30, 1_000, 0), over(3, 30, 0, 0, 70)]);
    assert_eq!(
        (found.total.net(), found.total.penalties, found.total.forfeits),
        (MicroUsdc(355), MicroUsdc(1_000), MicroUsdc(70))
    );
    assert_eq!(found.total.seconds, Seconds(30));
}
