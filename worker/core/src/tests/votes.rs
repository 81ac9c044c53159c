//! Results that are counted: what is said of them on chain, and when.

use millrace_protocol::quorum::{MemberState, Quorum, Verdict, commitment_preimage};
use millrace_protocol::{Address, Seconds, UnixSeconds};
use millrace_spec::merkle::{self, Leaf};
use millrace_spec::{Sha256, sha256};

use super::rig::*;
use crate::*;

const SALT: [u8; 32] = [3; 32];
const OTHER: Address = Address([8; 32]);

fn root() -> Sha256 {
    let made = output("frame.png");
    merkle::root(vec![Leaf { task: 0, path: made.path, object: made.object }])
}

fn commitment() -> [u8; 32] {
    sha256(&commitment_preimage(LEASE, root().0, SALT)).0
}

/// A round of two, and when it was joined.
fn round() -> (Quorum, UnixSeconds) {
    let now = START;
    let mut round = Quorum::new(2, 2, Seconds(600));
    round.join(LEASE, Address([1; 32]), UnixSeconds(now.0 + 900), now).unwrap();
    round.join(OTHER, Address([2; 32]), UnixSeconds(now.0 + 900), now).unwrap();
    (round, now)
}

/// A rig whose one task is done.
fn done() -> Rig {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.event(Event::TaskAcknowledged(key(0)));
    rig
}

fn count(rig: &mut Rig) {
    rig.event(Event::CountLease { lease: LEASE, salt: SALT });
}

/// What it asks of the chain about its round, once it has looked.
fn asks(rig: &mut Rig, round: Option<Quorum>) -> Vec<Action> {
    rig.tick(15);
    rig.asked.clear();
    rig.event(Event::RoundRead { lease: LEASE, round: round.map(Box::new), clock: rig.now });
    std::mem::take(&mut rig.asked)
}

fn commit() -> Action {
    Action::CommitResult { lease: LEASE, root: root(), salt: SALT }
}

fn reveal() -> Action {
    Action::RevealResult { lease: LEASE, root: root(), salt: SALT }
}

#[test]
fn it_commits_then_waits_for_the_others_then_shows_and_forgets() {
    let mut rig = done();
    let (mut round, now) = round();
    count(&mut rig);
    let prepared = Record::VotePrepared { lease: LEASE, job: Some(JOB), root: root(), salt: SALT, at: rig.now };
    assert!(rig.journal.contains(&prepared), "it is on disk before anything is said");
    assert!(rig.asked.is_empty());
    assert_eq!(asks(&mut rig, Some(round)), [commit()]);
    round.commit(LEASE, commitment(), now).unwrap();
    assert_eq!(asks(&mut rig, Some(round)), [], "others may still commit: nothing is shown");
    rig.event(voucher(2, 20, true));
    rig.pays();
    assert_eq!(rig.agent.leases().count(), 0, "the lease is closed, what it made is not shown yet");
    round.commit(OTHER, [1; 32], now).unwrap();
    assert_eq!(asks(&mut rig, Some(round)), [reveal()]);
    assert_eq!(asks(&mut rig, Some(round)), [reveal()], "until the chain has it");
    round.reveal(LEASE, root().0, commitment(), now).unwrap();
    assert_eq!(asks(&mut rig, Some(round)), []);
    assert_eq!(rig.agent, Agent::default());
}

#[test]
fn what_is_owed_is_told_until_it_is_shown_also_after_its_lease() {
    let mut rig = done();
    let (mut round, now) = round();
    let owed = |rig: &Rig| rig.agent.votes().map(|(_, vote)| (vote.job, vote.standing())).collect::<Vec<_>>();
    let standing = |committed, until| vec![(Some(JOB), Some(VoteStanding { committed, until }))];
    count(&mut rig);
    assert_eq!(owed(&rig), [(Some(JOB), None)], "nobody has looked yet");
    asks(&mut rig, Some(round));
    assert_eq!(owed(&rig), standing(false, round.commit_by));
    round.commit(LEASE, commitment(), now).unwrap();
    rig.event(voucher(2, 20, true));
    rig.pays();
    assert_eq!(rig.agent.leases().count(), 0);
    asks(&mut rig, Some(round));
    assert_eq!(owed(&rig), standing(true, UnixSeconds(round.commit_by.0 + 600)));
    round.commit(OTHER, [1; 32], now).unwrap();
    asks(&mut rig, Some(round));
    assert_eq!(owed(&rig), standing(true, UnixSeconds(now.0 + 600)), "all have committed: it is due sooner");
    rig.restart();
    assert_eq!(owed(&rig), [(Some(JOB), None)]);
    round.reveal(LEASE, root().0, commitment(), now).unwrap();
    asks(&mut rig, Some(round));
    assert!(owed(&rig).is_empty());
}

#[test]
fn it_looks_at_the_round_until_it_is_through_and_never_twice_at_once() {
    let mut rig = done();
    count(&mut rig);
    let looks = |rig: &mut Rig| rig.asked.drain(..).filter(|action| *action == Action::ReadRound(LEASE)).count();
    rig.tick(0);
    assert_eq!(looks(&mut rig), 1);
    rig.tick(14);
    assert_eq!(looks(&mut rig), 0);
    rig.tick(1);
    assert_eq!(looks(&mut rig), 1);
    rig.event(Event::RoundRead { lease: LEASE, round: None, clock: rig.now });
    rig.tick(60);
    assert_eq!(looks(&mut rig), 0, "its lease is settled");
}

#[test]
fn an_endpoint_that_is_behind_does_not_have_it_forgotten() {
    let mut rig = done();
    count(&mut rig);
    let (mut round, now) = round();
    round.commit(LEASE, commitment(), now).unwrap();
    let (behind, in_time) = (UnixSeconds(rig.now.0 - 1), rig.now);
    let read = |rig: &mut Rig, round: Option<Quorum>, clock| {
        rig.event(Event::RoundRead { lease: LEASE, round: round.map(Box::new), clock });
        rig.agent.votes().count()
    };
    assert_eq!(read(&mut rig, None, behind), 1, "it may not know of the lease yet");
    rig.restart();
    assert_eq!(read(&mut rig, None, behind), 1, "also after a restart");
    assert_eq!(read(&mut rig, None, in_time), 0);
}

#[test]
fn a_kill_at_any_record_loses_neither_the_result_nor_its_salt() {
    let mut whole = done();
    count(&mut whole);
    let from = done().journal.len();
    assert!(whole.journal.len() > from + 2);
    for cut in from..=whole.journal.len() {
        let mut rig = Rig { now: START, ..Rig::default() };
        rig.journal = whole.journal[..cut].to_vec();
        rig.restart();
        count(&mut rig);
        let (mut round, now) = round();
        assert_eq!(asks(&mut rig, Some(round)), [commit()], "cut at {cut}");
        round.commit(LEASE, commitment(), now).unwrap();
        round.commit(OTHER, [1; 32], now).unwrap();
        rig.restart();
        assert_eq!(asks(&mut rig, Some(round)), [reveal()], "cut at {cut}");
        let again = recover(&rig.agent.snapshot(), &[], rig.now).agent;
        let kept = |agent: &Agent| agent.votes().map(|(lease, vote)| (lease, vote.root, vote.salt)).collect::<Vec<_>>();
        assert_eq!(kept(&again), kept(&rig.agent), "compaction keeps it");
    }
}

/// Killed after its lease is counted and before it is told again: what the journal says is enough.
#[test]
fn a_lease_that_is_counted_stays_so_without_another_word() {
    let mut rig = done();
    count(&mut rig);
    let at = rig.journal.iter().position(|record| matches!(record, Record::LeaseEnding { .. })).unwrap();
    let mut cut = Rig { now: START, journal: rig.journal[..=at].to_vec(), ..Rig::default() };
    cut.restart();
    assert_eq!(asks(&mut cut, Some(round().0)), [commit()]);
}

#[test]
fn whoever_was_late_or_has_gone_says_nothing() {
    let (open, now) = round();
    let mut gone = open;
    gone.leave(LEASE, now).unwrap();
    let counted = Quorum { verdict: Verdict::Failed, ..open };
    let mut late = open;
    late.commit_by = now;
    for (round, ends) in [(gone, true), (counted, true), (late, false)] {
        let mut rig = done();
        count(&mut rig);
        assert_eq!(asks(&mut rig, Some(round)), []);
        assert_eq!(rig.agent.votes().count() == 0, ends, "{round:?}");
    }
}

#[test]
fn nothing_is_shown_under_another_commitment() {
    let (mut round, now) = round();
    round.commit(LEASE, [9; 32], now).unwrap();
    round.commit(OTHER, [1; 32], now).unwrap();
    assert_eq!(round.joined()[0].state, MemberState::Committed);
    let mut rig = done();
    count(&mut rig);
    assert_eq!(asks(&mut rig, Some(round)), []);
}

#[test]
fn work_that_failed_has_a_root_of_its_own() {
    let mut rig = Rig::leased();
    rig.assign(0);
    while !matches!(rig.pending.first(), Some(Action::Follow(_))) {
        rig.step();
    }
    rig.drop_step();
    rig.task(0, TaskEvent::Exited(Exit { code: 3, out_of_memory: false }));
    rig.settle();
    assert!(rig.last_failure().is_some());
    count(&mut rig);
    rig.settle();
    assert_eq!(rig.agent.votes().map(|(_, vote)| vote.root).collect::<Vec<_>>(), [merkle::failed()]);
}

#[test]
fn a_lease_that_is_not_counted_says_nothing_on_chain() {
    let mut rig = done();
    rig.event(Event::EndLease(LEASE));
    rig.tick(60);
    assert!(rig.asked.iter().all(|action| matches!(action, Action::ReadLease(_))));
    assert_eq!(rig.agent.votes().count(), 0);
}
