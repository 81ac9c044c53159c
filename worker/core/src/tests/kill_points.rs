//! Power goes out after every single record of a whole life, with the containers in every state
//! they can be in at that moment: the restarted rig finishes and leaves nothing.

use super::rig::*;
use crate::*;

/// A lease with two tasks, vouchers, acknowledgements and an end.
fn life(rig: &mut Rig) {
    rig.event(Event::OfferAccepted { lease: LEASE, terms: terms() });
    rig.assign(0);
    rig.settle();
    rig.event(Event::TaskAcknowledged(key(0)));
    rig.event(voucher(1, 10, false));
    rig.assign(1);
    rig.settle();
    rig.event(Event::TaskAcknowledged(key(1)));
    rig.event(Event::EndLease(LEASE));
    rig.event(voucher(2, 20, true));
    rig.pays();
}

/// What an orchestrator does that believes the lease is live: it repeats itself.
fn finish(rig: &mut Rig) {
    rig.event(Event::Connected);
    for task in [0, 1] {
        rig.assign(task);
        rig.settle();
        rig.event(Event::TaskAcknowledged(key(task)));
    }
    rig.event(Event::EndLease(LEASE));
    rig.settle();
    rig.event(voucher(2, 20, true));
    rig.pays();
}

fn whole_journal() -> Vec<Record> {
    let mut rig = Rig::new();
    life(&mut rig);
    assert_eq!(rig.agent, Agent::default());
    rig.journal
}

#[test]
fn the_rig_survives_a_kill_after_every_record() {
    let journal = whole_journal();
    assert!(journal.len() >= 15, "{}", journal.len());
    let good = Exit { code: 0, out_of_memory: false };
    let states = [None, Some(FoundState::Created), Some(FoundState::Running), Some(FoundState::Exited(good))];
    for cut in 0..=journal.len() {
        for first in states {
            for second in states {
                let mut rig = Rig::new();
                rig.journal = journal[..cut].to_vec();
                rig.containers.extend(first.map(|state| (key(0), state)));
                rig.containers.extend(second.map(|state| (key(1), state)));
                rig.folders.extend([key(0), key(1), key(2)]);
                rig.restart();
                rig.settle();
                finish(&mut rig);
                let context = format!("cut after {cut}, containers {first:?} and {second:?}");
                assert!(rig.is_clean(), "{context}: {:?} {:?}", rig.containers, rig.folders);
                assert_eq!(rig.agent, Agent::default(), "{context}");
            }
        }
    }
}

#[test]
fn a_second_kill_during_recovery_changes_nothing() {
    let journal = whole_journal();
    for cut in 0..=journal.len() {
        let mut rig = Rig::new();
        rig.journal = journal[..cut].to_vec();
        rig.restart();
        let once = rig.agent.clone();
        rig.folders.extend([key(0), key(1)]);
        rig.restart();
        assert_eq!(rig.agent, once, "cut after {cut}");
    }
}

#[test]
fn no_finished_work_is_lost_by_a_kill() {
    let journal = whole_journal();
    let uploaded = journal.iter().position(|record| matches!(record, Record::TaskUploaded { .. })).unwrap();
    let ending = journal.iter().position(|record| matches!(record, Record::LeaseEnding { .. })).unwrap();
    for cut in uploaded + 1..=ending {
        let mut rig = Rig::new();
        rig.journal = journal[..cut].to_vec();
        rig.folders.extend([key(0), key(1)]);
        rig.restart();
        rig.settle();
        let task = rig.agent.tasks().find(|task| task.key() == key(0)).unwrap();
        assert!(matches!(task.outcome(), Some(Outcome::Done(_))), "cut after {cut}");
    }
}
