//! The orchestrator says that a lease is over, and may not know: only the chain takes money away.

use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{Lease as OnChain, LeaseState, MicroUsdc, UnixSeconds};

use super::rig::*;
use super::upkeep::{attested, endless, is_paid, opened, pass, running};
use crate::*;

/// A rig whose one task runs.
fn at_work() -> Rig {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    (0..4).for_each(|_| rig.step());
    rig
}

/// What the orchestrator says, and what is over on the rig with that.
fn disown(rig: &mut Rig) {
    rig.event(Event::LeaseOver(LEASE));
    rig.settle();
    assert!(rig.is_clean(), "its tasks are stopped");
    assert_eq!(rig.agent.leased().0, 0, "its units are free for the next lease");
}

/// The rig's next look finds this.
fn reads(rig: &mut Rig, account: Option<OnChain>) {
    rig.tick(15);
    rig.asked.clear();
    rig.event(Event::LeaseRead { lease: LEASE, account, clock: rig.now });
}

fn redeemed(actions: &[Action]) -> u64 {
    match actions {
        [Action::Redeem { voucher, .. }] => voucher.sequence,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_voucher_that_nobody_has_redeemed_is_redeemed_and_the_lease_held_until_the_chain_ends_it() {
    let mut rig = at_work();
    rig.event(voucher(1, 5, false));
    disown(&mut rig);
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    assert!(rig.agent.lease(&LEASE).is_some(), "the chain may have it");
    rig.tick(0);
    assert_eq!(std::mem::take(&mut rig.asked), [Action::ReadLease(LEASE)], "the chain is asked at once");
    let mut chain = Some(opened());
    rig.event(Event::LeaseRead { lease: LEASE, account: chain, clock: rig.now });
    assert_eq!(redeemed(&pass(&mut rig, 240, &mut chain)), 1);
    let held = pass(&mut rig, 700, &mut chain);
    assert_eq!(held, [Action::HoldLease(LEASE)], "who does not hold it loses a part of the bond");
    reads(&mut rig, None);
    let earned = MicroUsdc(5_000);
    assert_eq!(rig.reports.last(), Some(&Report::LeaseClosed { lease: LEASE, earned }));
    assert_eq!(rig.agent, Agent::default());
}

#[test]
fn a_kill_at_any_record_of_it_loses_no_voucher() {
    let mut whole = at_work();
    whole.event(voucher(1, 5, false));
    let from = whole.journal.len();
    disown(&mut whole);
    for cut in from..=whole.journal.len() {
        let mut rig = Rig { now: START, journal: whole.journal[..cut].to_vec(), ..Rig::default() };
        rig.containers.insert(key(0), FoundState::Running);
        rig.folders.insert(key(0));
        rig.restart();
        disown(&mut rig);
        let mut chain = Some(opened());
        assert_eq!(redeemed(&pass(&mut rig, 240, &mut chain)), 1, "cut at {cut}");
    }
}

#[test]
fn one_that_was_not_looked_up_since_the_start_is_closed_by_the_chain() {
    let mut rig = at_work();
    reads(&mut rig, Some(opened()));
    rig.restart();
    disown(&mut rig);
    let mut chain = Some(opened());
    let asked = pass(&mut rig, 240, &mut chain);
    assert_eq!(asked, [Action::ExtendStart(LEASE)], "who is to attest it may be back in time then");
    // It is.
    rig.event(voucher(1, 5, true));
    is_paid(&mut rig, 330, &mut chain);
}

#[test]
fn one_that_runs_on_chain_is_held_though_none_of_its_vouchers_came() {
    let mut rig = at_work();
    rig.restart();
    disown(&mut rig);
    assert_eq!(pass(&mut rig, 700, &mut Some(running(START.0, 1))), [Action::HoldLease(LEASE)]);
    reads(&mut rig, None);
    assert_eq!(rig.agent, Agent::default());
}

#[test]
fn an_offer_gives_its_units_back_at_once_and_is_closed_when_it_can_land_no_more() {
    let mut rig = Rig::leased();
    disown(&mut rig);
    assert_eq!(pass(&mut rig, 149, &mut None), []);
    assert!(rig.agent.lease(&LEASE).is_some(), "it may land");
    assert_eq!(pass(&mut rig, 15, &mut None), []);
    assert_eq!(rig.agent, Agent::default());
    assert_eq!(rig.journal.last(), Some(&Record::LeaseClosed { lease: LEASE }));
}

#[test]
fn an_offer_is_closed_when_it_can_land_no_more_by_both_clocks() {
    for (clock, now, closes) in [(149, 150, false), (150, 149, false), (150, 150, true)] {
        let mut rig = Rig::leased();
        disown(&mut rig);
        rig.tick(now);
        rig.event(Event::LeaseRead { lease: LEASE, account: None, clock: UnixSeconds(START.0 + clock) });
        assert_eq!(rig.agent == Agent::default(), closes, "{clock} s by the chain's clock, {now} s by the rig's");
    }
}

#[test]
fn an_offer_that_lands_all_the_same_is_looked_after() {
    let mut rig = Rig::leased();
    disown(&mut rig);
    assert_eq!(pass(&mut rig, 30, &mut None), []);
    assert_eq!(pass(&mut rig, 210, &mut Some(opened())), [Action::ExtendStart(LEASE)]);
    reads(&mut rig, None);
    assert_eq!(rig.agent, Agent::default());
}

#[test]
fn a_kill_at_any_record_of_it_loses_no_lease() {
    let mut seen = Rig::leased();
    reads(&mut seen, Some(opened()));
    for (mut whole, runs) in [(Rig::leased(), false), (seen, false), (at_work(), true)] {
        let from = whole.journal.len();
        disown(&mut whole);
        assert!(whole.journal.len() > from);
        for cut in from..=whole.journal.len() {
            let mut rig = Rig { now: START, journal: whole.journal[..cut].to_vec(), ..Rig::default() };
            if runs {
                rig.containers.insert(key(0), FoundState::Running);
                rig.folders.insert(key(0));
            }
            rig.restart();
            disown(&mut rig);
            assert_eq!(pass(&mut rig, 240, &mut Some(opened())), [Action::ExtendStart(LEASE)], "cut at {cut}");
            reads(&mut rig, None);
            assert_eq!(rig.agent, Agent::default(), "cut at {cut}");
        }
    }
}

#[test]
fn a_final_voucher_that_comes_while_its_last_task_is_cleaned_away_is_kept() {
    let mut rig = at_work();
    rig.event(Event::EndLease(LEASE));
    let Event::Voucher { voucher, signature } = voucher(2, 5, true) else { panic!("another event") };
    rig.event(Event::Voucher { voucher: Voucher { exit_class: ExitClass::Released, ..voucher }, signature });
    assert_eq!(rig.agent.lease(&LEASE).unwrap().phase(), LeasePhase::Ending);
    disown(&mut rig);
    is_paid(&mut rig, 330, &mut Some(running(START.0, 1)));
}

#[test]
fn a_reported_lease_keeps_its_voucher_though_the_final_one_never_comes() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.event(voucher(1, 5, false));
    rig.event(Event::EndLease(LEASE));
    let told = rig.reports.len();
    disown(&mut rig);
    assert_eq!(rig.reports.len(), told, "it was told already");
    assert_eq!(redeemed(&pass(&mut rig, 240, &mut Some(opened()))), 1);
}

#[test]
fn a_lease_that_was_seen_on_chain_is_closed_by_the_chain() {
    let mut rig = at_work();
    reads(&mut rig, Some(opened()));
    disown(&mut rig);
    assert!(rig.agent.lease(&LEASE).is_some());
    reads(&mut rig, Some(opened()));
    rig.event(Event::LeaseRead { lease: LEASE, account: None, clock: UnixSeconds(rig.now.0 - 1) });
    assert!(rig.agent.lease(&LEASE).is_some(), "an endpoint that is behind");
    reads(&mut rig, None);
    assert_eq!(rig.agent, Agent::default());
}

#[test]
fn a_lease_whose_last_voucher_never_comes_is_closed_once_the_chain_takes_none() {
    let reported = OnChain { state: LeaseState::Reported, sequence: 2, ..running(START.0, 1) };
    let disputed = OnChain { state: LeaseState::Disputed, ..reported };
    for (account, closes) in
        [(Some(running(START.0, 1)), false), (Some(reported), true), (Some(disputed), true), (None, true)]
    {
        let mut rig = Rig::leased();
        rig.assign(0);
        rig.settle();
        rig.event(voucher(1, 5, false));
        rig.event(Event::EndLease(LEASE));
        rig.tick(135);
        reads(&mut rig, account);
        assert_eq!(rig.agent == Agent::default(), closes, "{account:?}");
    }
}

#[test]
fn whoever_says_it_again_and_again_does_not_have_the_chain_asked_each_time() {
    for mut rig in [attested(ExitClass::Released).0, Rig::leased()] {
        for _ in 0..30 {
            rig.event(Event::LeaseOver(LEASE));
            rig.tick(1);
        }
        assert_eq!(rig.asked, [Action::ReadLease(LEASE), Action::ReadLease(LEASE)]);
        let said = (rig.journal.len(), rig.reports.len());
        rig.event(Event::LeaseOver(LEASE));
        assert_eq!((rig.journal.len(), rig.reports.len()), said, "nor anything written or told");
    }
}
