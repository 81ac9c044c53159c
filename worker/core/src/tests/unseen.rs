//! The engine does not say what is there: what is at stake on chain is looked after all the same.

use millrace_protocol::{Lease as OnChain, LeaseState, Seconds, UnixSeconds};

use super::rig::*;
use super::upkeep::opened;
use crate::*;

/// A rig whose one task runs.
fn at_work() -> Rig {
    let mut rig = Rig::leased();
    rig.assign(0);
    (0..4).for_each(|_| rig.step());
    rig
}

/// What the worker does on chain once it reads this there, and what it writes down.
fn reads(rig: &mut Rig, chain: Option<OnChain>, clock: u64) -> Vec<Action> {
    rig.now = UnixSeconds(START.0 + clock);
    let mut agent = recover_unseen(&rig.journal, rig.now);
    assert!(agent.look_after(rig.now).contains(&Action::ReadLease(LEASE)));
    assert_eq!(agent.look_after(rig.now), [], "not again at once");
    let seen = Event::LeaseRead { lease: LEASE, account: Some(opened()), clock: START };
    assert_eq!(agent.on_event(seen, rig.now), [], "nothing is due");
    let actions = agent.on_event(Event::LeaseRead { lease: LEASE, account: chain, clock: rig.now }, rig.now);
    let written = actions.iter().filter_map(|action| match action {
        Action::Journal(record) => Some(record.clone()),
        _ => None,
    });
    rig.journal.extend(written);
    actions
}

#[test]
fn a_voucher_that_nobody_redeems_is_brought_in() {
    let mut rig = at_work();
    rig.event(voucher(3, 30, false));
    match reads(&mut rig, Some(opened()), 290).as_slice() {
        [Action::Redeem { voucher, .. }] => assert_eq!(voucher.sequence, 3),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_start_is_extended_and_what_nobody_sees_is_not_vouched_for() {
    let mut rig = at_work();
    assert_eq!(reads(&mut rig, Some(opened()), 290), [Action::ExtendStart(LEASE)]);
    let running = OnChain {
        state: LeaseState::Running,
        sequence: 1,
        attested_at: START,
        checkpoint_by: UnixSeconds(START.0 + 900),
        maximum: Seconds(36_000),
        ends_by: UnixSeconds(START.0 + 36_301),
        ..opened()
    };
    assert_eq!(reads(&mut rig, Some(running), 890), [], "an attestor that is away is no reason to hold it");
}

#[test]
fn what_ran_is_adopted_once_the_engine_answers() {
    let mut rig = at_work();
    reads(&mut rig, Some(opened()), 20);
    rig.restart();
    assert_eq!(rig.phase(0), Phase::Running { started_at: START });
    assert_eq!(rig.pending, [Action::Follow(key(0))]);
}

#[test]
fn a_lease_that_the_chain_has_no_more_is_over_and_its_container_goes_later() {
    let mut rig = at_work();
    let actions = reads(&mut rig, None, 400);
    assert!(actions.contains(&Action::Journal(Record::LeaseOver { lease: LEASE })), "{actions:?}");
    rig.restart();
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.settle();
    assert!(rig.is_clean());
    assert_eq!(rig.agent.leases().count(), 0);
}

#[test]
fn what_never_began_is_neither_begun_nor_blamed() {
    let mut rig = Rig::leased();
    rig.assign(0);
    assert_eq!(reads(&mut rig, Some(opened()), 250), [Action::ExtendStart(LEASE)]);
    rig.restart();
    assert!(matches!(rig.pending.as_slice(), [Action::FetchInputs(_)]), "{:?}", rig.pending);
    assert_eq!(rig.last_failure(), None);
}

#[test]
fn a_journal_says_whether_anything_is_at_stake() {
    assert_eq!(Held::of(&[]), Held { at_stake: false, lease: false, gpus: vec![] });
    let mut rig = Rig::leased();
    assert_eq!(Held::of(&rig.journal), Held { at_stake: true, lease: true, gpus: vec![] });
    rig.event(Event::CountLease { lease: LEASE, salt: [3; 32] });
    rig.event(Event::LeaseOver(LEASE));
    assert!(Held::of(&rig.journal).lease, "nobody takes it away by a word");
    rig.pays();
    let held = Held::of(&rig.journal);
    assert!(!held.lease, "it is closed");
    assert!(held.at_stake, "its result is still to be shown");
    rig.event(Event::RoundRead { lease: LEASE, round: None, clock: UnixSeconds(START.0 + 200) });
    assert!(!Held::of(&rig.journal).at_stake);
}

#[test]
fn a_worker_is_idle_without_anything_at_stake_or_any_container() {
    let found = [FoundContainer { id: "stray".into(), key: None, state: FoundState::Created }];
    let nothing = Held::of(&[]);
    assert!(nothing.is_idle(&[]) && !nothing.is_idle(&found));
    assert!(!Held::of(&Rig::leased().journal).is_idle(&[]));
}

#[test]
fn gpus_are_known_by_their_places_as_long_as_they_stay_the_same() {
    let mut rig = Rig::new();
    let found = |uuids: &[&str]| Event::GpusFound(uuids.iter().map(|uuid| (*uuid).to_owned()).collect());
    rig.event(found(&[]));
    assert_eq!(rig.journal, [], "a rig without GPUs has nothing to remember");
    rig.event(found(&["GPU-a", "GPU-b"]));
    rig.event(found(&["GPU-a", "GPU-b"]));
    assert_eq!(rig.journal.len(), 1);
    assert_eq!(Held::of(&rig.journal).gpus, [""; 0], "no lease names any");
    rig.event(Event::OfferAccepted { lease: LEASE, terms: terms() });
    assert_eq!(Held::of(&rig.journal).gpus, ["GPU-a", "GPU-b"]);
    rig.journal = rig.agent.snapshot();
    rig.restart();
    assert_eq!(Held::of(&rig.agent.snapshot()).gpus, ["GPU-a", "GPU-b"], "also where the journal was shortened");
    rig.event(found(&["GPU-b"]));
    assert_eq!(Held::of(&rig.journal).gpus, ["GPU-b"]);
}
