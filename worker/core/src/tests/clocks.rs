//! A rig that is started again, with its clock set wrong.

use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Lease as OnChain, Seconds, UnixSeconds};

use super::rig::*;
use super::secrets::sealed;
use super::upkeep::{attested, endless, opened, running};
use crate::*;

/// A hardware clock in local time, before anything has asked the network.
const AHEAD: u64 = 8 * 3_600;
/// So long is a rig's lease by its own clock alone: what it was signed for, and the default start timeout and grace.
const ALONE: u64 = 600 + 900;
const DAY: u64 = 86_400;

fn reboot(rig: &mut Rig) {
    rig.now = UnixSeconds(rig.now.0 + AHEAD);
    rig.asked.clear();
    rig.restart();
}

/// A rig whose one task runs, started again with its clock ahead.
fn at_work() -> Rig {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    (0..4).for_each(|_| rig.step());
    reboot(&mut rig);
    rig
}

fn reads(rig: &mut Rig, account: Option<OnChain>, clock: u64) {
    rig.event(Event::LeaseRead { lease: LEASE, account, clock: UnixSeconds(START.0 + clock) });
}

#[test]
fn a_final_voucher_that_nobody_has_redeemed_is_kept() {
    let (mut rig, _) = attested(ExitClass::Released);
    rig.now = UnixSeconds(START.0 + 10 * DAY);
    reboot(&mut rig);
    rig.tick(1);
    assert_eq!(std::mem::take(&mut rig.asked), [Action::ReadLease(LEASE)]);
    reads(&mut rig, Some(running(START.0, 1)), 20);
    rig.tick(300);
    rig.asked.clear();
    reads(&mut rig, Some(running(START.0, 1)), 320);
    assert!(matches!(&rig.asked[..], [Action::Redeem { voucher, .. }] if voucher.is_final), "{:?}", rig.asked);
    reads(&mut rig, None, 340);
    assert_eq!(rig.agent, Agent::default());
}

#[test]
fn a_lease_at_work_ends_by_the_chains_clock() {
    let mut rig = at_work();
    rig.tick(1);
    let OnChain { ends_by, settle_grace, .. } = opened();
    let end = ends_by.0 + settle_grace.0 - START.0;
    reads(&mut rig, Some(opened()), 20);
    reads(&mut rig, Some(opened()), end - 1);
    rig.tick(1);
    assert!(rig.signals.is_empty(), "{:?}", rig.signals);
    let longer = OnChain { ends_by: UnixSeconds(ends_by.0 + 1), ..opened() };
    reads(&mut rig, Some(longer), end);
    assert!(rig.signals.is_empty(), "its buyer has added time");
    reads(&mut rig, Some(longer), end + 1);
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.settle();
    assert_eq!(rig.agent.leased().0, 0);
}

#[test]
fn an_offer_may_still_land() {
    let mut rig = Rig::leased();
    reboot(&mut rig);
    rig.tick(1);
    reads(&mut rig, None, 149);
    assert_eq!(rig.agent.leased().0, 1);
    reads(&mut rig, Some(opened()), 150);
    assert_eq!(rig.agent.lease(&LEASE).unwrap().phase(), LeasePhase::Held);
}

#[test]
fn a_lease_that_the_chain_does_not_have_ends_once_it_is_over_by_both_clocks() {
    let mut rig = at_work();
    reads(&mut rig, None, ALONE - 1);
    assert!(rig.signals.is_empty());
    reads(&mut rig, None, ALONE);
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.settle();
    assert_eq!(rig.agent, Agent::default());
    let mut behind = Rig::leased();
    behind.event(endless(0));
    (0..4).for_each(|_| behind.step());
    behind.tick(ALONE - 1);
    reads(&mut behind, None, ALONE + AHEAD);
    assert!(behind.signals.is_empty(), "a clock that is behind");
}

/// A rig that waits for what the buyer has to bring, started again with its clock ahead.
fn waiting() -> Rig {
    let mut rig = Rig::leased();
    rig.event(sealed(0));
    reboot(&mut rig);
    rig
}

#[test]
fn a_buyer_has_the_rest_of_its_time_by_the_chains_clock() {
    let mut rig = waiting();
    rig.tick(1);
    assert_eq!(rig.asked, [Action::ReadLease(LEASE)]);
    // Opened forty seconds ago.
    reads(&mut rig, Some(opened()), 41);
    let until = UnixSeconds(rig.now.0 + 80);
    assert_eq!(rig.reports.last(), Some(&Report::AwaitingSecrets(key(0), until)));
    let told = rig.reports.len();
    rig.tick(79);
    reads(&mut rig, Some(opened()), 123);
    assert_eq!(rig.phase(0), Phase::AwaitingSecrets { until }, "the chain's clock comes in steps");
    assert_eq!(rig.reports.len(), told, "nothing new to say");
    rig.tick(1);
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::SecretsMissing));
}

#[test]
fn where_no_chain_answers_a_buyer_is_waited_for_no_longer_than_for_the_chain() {
    let mut rig = waiting();
    let until = UnixSeconds(rig.now.0 + 30);
    rig.tick(29);
    assert_eq!(rig.phase(0), Phase::AwaitingSecrets { until });
    rig.tick(1);
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::SecretsMissing));
}

#[test]
fn where_no_chain_answers_a_lease_ends_after_all_of_its_time() {
    let mut rig = at_work();
    rig.tick(ALONE - 1);
    assert!(rig.signals.is_empty());
    rig.tick(1);
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
}

#[test]
fn where_no_chain_answers_a_voucher_is_kept_for_a_day_beyond_its_lease() {
    let (mut rig, _) = attested(ExitClass::Released);
    reboot(&mut rig);
    rig.tick(600 + DAY - 1);
    assert_eq!(rig.agent.leases().count(), 1);
    rig.tick(1);
    assert_eq!(rig.agent, Agent::default());
}

#[test]
fn a_voucher_is_good_while_the_chain_has_its_lease() {
    let (mut rig, chain) = attested(ExitClass::Completed);
    for _ in 0..5 {
        rig.tick(DAY);
        // Nobody has ended it, and the rig cannot pay for a transaction.
        let clock = rig.now.0 - START.0;
        reads(&mut rig, chain, clock);
    }
    let Some(OnChain { maximum: Seconds(length), .. }) = chain else { panic!("it is there") };
    rig.tick(length + DAY - 1);
    assert_eq!(rig.agent.leases().count(), 1);
    rig.tick(1);
    assert_eq!(rig.agent, Agent::default());
}
