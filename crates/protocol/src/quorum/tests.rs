use super::*;

const RIGHT: [u8; 32] = [7; 32];
const WRONG: [u8; 32] = [8; 32];
const COMMIT_BY: UnixSeconds = UnixSeconds(1_000);

fn key(number: u8) -> Address {
    Address([number; 32])
}

fn now(seconds: u64) -> UnixSeconds {
    UnixSeconds(seconds)
}

/// Two of three, with 100 seconds to reveal; members 1 to `joined` have joined.
fn round(joined: u8) -> Quorum {
    let mut quorum = Quorum::new(2, 3, Seconds(100));
    for member in 1..=joined {
        quorum.join(key(member), key(100 + member), COMMIT_BY, now(1)).unwrap();
    }
    quorum
}

fn committed() -> Quorum {
    let mut quorum = round(3);
    for member in 1..=3 {
        quorum.commit(key(member), RIGHT, now(10)).unwrap();
    }
    quorum
}

/// Everyone committed and revealed these.
fn revealed(roots: [[u8; 32]; 3]) -> Quorum {
    let mut quorum = committed();
    for (member, root) in (1..).zip(roots) {
        quorum.reveal(key(member), root, RIGHT, now(20)).unwrap();
    }
    quorum
}

/// Runs what must be refused, and leaves the round unchanged.
fn refused(quorum: &Quorum, act: impl FnOnce(&mut Quorum) -> Result<(), Error>) -> Error {
    let mut after = *quorum;
    let error = act(&mut after).unwrap_err();
    assert_eq!(after, *quorum, "a refusal changed something");
    error
}

#[test]
fn a_commitment_names_lease_root_and_salt() {
    let preimage = commitment_preimage(key(1), RIGHT, [3; 32]);
    assert_eq!(preimage.len(), 125);
    assert_eq!(&preimage[..29], b"millrace result commitment v1");
    assert_eq!((&preimage[29..61], &preimage[61..93], &preimage[93..]), (&[1; 32][..], &RIGHT[..], &[3; 32][..]));
}

#[test]
fn as_many_join_as_the_round_has_places_each_of_another_provider() {
    let quorum = round(2);
    assert_eq!(refused(&quorum, |quorum| quorum.join(key(3), key(101), COMMIT_BY, now(1))), Error::ProviderTwice);
    assert_eq!(refused(&round(3), |quorum| quorum.join(key(4), key(104), COMMIT_BY, now(1))), Error::QuorumFull);
}

#[test]
fn the_time_to_commit_ends_with_the_latest_member() {
    let mut quorum = round(1);
    quorum.join(key(2), key(102), now(2_000), now(1)).unwrap();
    quorum.join(key(3), key(103), now(1_500), now(1)).unwrap();
    assert_eq!((quorum.commit_by, quorum.reveal_deadline()), (now(2_000), Ok(now(2_100))));
}

#[test]
fn nobody_joins_once_the_time_to_commit_is_over() {
    assert_eq!(round(2).join(key(3), key(103), now(3_000), now(999)), Ok(()));
    assert_eq!(
        refused(&round(2), |quorum| quorum.join(key(3), key(103), now(3_000), now(1_000))),
        Error::QuorumCommitted
    );
    assert_eq!(round(0).join(key(1), key(101), now(9_000), now(8_000)), Ok(()), "the first one sets the time");
}

#[test]
fn a_member_that_has_gone_is_replaced_until_the_others_reveal() {
    let mut quorum = round(3);
    quorum.leave(key(2), now(5)).unwrap();
    quorum.join(key(4), key(104), COMMIT_BY, now(6)).unwrap();
    assert_eq!((quorum.joined, quorum.members[1].lease), (3, key(4)));
    assert_eq!(refused(&quorum, |quorum| quorum.leave(key(2), now(7))), Error::NotAMember);

    let mut revealing = round(3);
    revealing.commit(key(1), RIGHT, now(10)).unwrap();
    revealing.commit(key(2), RIGHT, now(10)).unwrap();
    revealing.leave(key(3), now(20)).unwrap();
    assert_eq!(revealing.reveal_by, now(120), "two are enough");
    assert_eq!(refused(&revealing, |quorum| quorum.join(key(4), key(104), COMMIT_BY, now(21))), Error::QuorumCommitted);
}

#[test]
fn a_round_that_cannot_be_decided_waits_for_a_replacement() {
    let mut quorum = round(3);
    quorum.commit(key(1), RIGHT, now(10)).unwrap();
    quorum.leave(key(2), now(11)).unwrap();
    quorum.leave(key(3), now(12)).unwrap();
    assert_eq!(quorum.reveal_by, UnixSeconds::ZERO);
    quorum.join(key(4), key(104), COMMIT_BY, now(13)).unwrap();
    quorum.commit(key(4), RIGHT, now(14)).unwrap();
    assert_eq!(quorum.reveal_by, now(114));
}

#[test]
fn a_counted_round_takes_nobody() {
    let mut quorum = round(2);
    quorum.tally(now(1_100)).unwrap();
    quorum.commit_by = now(9_000);
    assert_eq!(refused(&quorum, |quorum| quorum.join(key(3), key(103), COMMIT_BY, now(1))), Error::QuorumCommitted);
}

#[test]
fn a_member_commits_once_until_the_time_is_over_and_not_at_its_end() {
    let quorum = round(3);
    assert_eq!(refused(&quorum, |quorum| quorum.commit(key(1), RIGHT, now(1_000))), Error::DeadlinePassed);
    assert_eq!(refused(&quorum, |quorum| quorum.commit(key(9), RIGHT, now(10))), Error::NotAMember);
    let mut once = quorum;
    once.commit(key(1), RIGHT, now(999)).unwrap();
    assert_eq!(once.members[0].state, MemberState::Committed);
    assert_eq!(refused(&once, |quorum| quorum.commit(key(1), WRONG, now(999))), Error::CommittedAlready);
    assert_eq!(refused(&revealed([RIGHT; 3]), |quorum| quorum.commit(key(1), WRONG, now(21))), Error::CommittedAlready);
    let mut gone = quorum;
    gone.leave(key(1), now(5)).unwrap();
    assert_eq!(refused(&gone, |quorum| quorum.commit(key(1), RIGHT, now(6))), Error::NotAMember);
}

#[test]
fn revealing_begins_when_the_last_has_committed() {
    let mut quorum = round(3);
    quorum.commit(key(1), RIGHT, now(10)).unwrap();
    quorum.commit(key(2), RIGHT, now(10)).unwrap();
    assert_eq!(refused(&quorum, |quorum| quorum.reveal(key(1), RIGHT, RIGHT, now(999))), Error::DeadlineNotPassed);
    quorum.commit(key(3), RIGHT, now(11)).unwrap();
    assert_eq!((quorum.reveal_by, quorum.reveal_deadline()), (now(111), Ok(now(111))));
    assert_eq!(quorum.reveal(key(1), RIGHT, RIGHT, now(11)), Ok(()));
}

#[test]
fn a_round_that_is_not_full_reveals_when_the_time_to_commit_is_over() {
    let mut quorum = round(2);
    quorum.commit(key(1), RIGHT, now(10)).unwrap();
    quorum.commit(key(2), RIGHT, now(10)).unwrap();
    assert_eq!(refused(&quorum, |quorum| quorum.reveal(key(1), RIGHT, RIGHT, now(999))), Error::DeadlineNotPassed);
    assert_eq!(quorum.reveal(key(1), RIGHT, RIGHT, now(1_000)), Ok(()));
    assert_eq!(refused(&quorum, |quorum| quorum.reveal(key(2), RIGHT, RIGHT, now(1_100))), Error::DeadlinePassed);
    assert_eq!(quorum.reveal(key(2), RIGHT, RIGHT, now(1_099)), Ok(()));
}

#[test]
fn a_member_reveals_exactly_what_it_committed_to_once_and_in_time() {
    let quorum = committed();
    assert_eq!(refused(&quorum, |quorum| quorum.reveal(key(1), WRONG, WRONG, now(20))), Error::CommitmentMismatch);
    assert_eq!(refused(&quorum, |quorum| quorum.reveal(key(9), RIGHT, RIGHT, now(20))), Error::NotAMember);
    assert_eq!(refused(&quorum, |quorum| quorum.reveal(key(1), RIGHT, RIGHT, now(110))), Error::DeadlinePassed);
    let mut once = quorum;
    once.reveal(key(1), WRONG, RIGHT, now(109)).unwrap();
    assert_eq!(once.members[0].hash, WRONG, "the root takes the commitment's place");
    assert_eq!(refused(&once, |quorum| quorum.reveal(key(1), RIGHT, WRONG, now(109))), Error::NothingCommitted);
    assert_eq!(refused(&round(3), |quorum| quorum.reveal(key(1), RIGHT, RIGHT, now(1_000))), Error::NothingCommitted);
}

#[test]
fn a_round_is_counted_when_all_have_revealed_or_the_time_is_over() {
    let mut all = revealed([RIGHT, RIGHT, WRONG]);
    assert_eq!(all.tally(now(21)), Ok(Verdict::Decided));
    assert_eq!(all.winner, RIGHT);
    assert_eq!(refused(&all, |quorum| quorum.tally(now(22)).map(drop)), Error::QuorumCounted);

    let mut some = committed();
    some.reveal(key(1), RIGHT, RIGHT, now(20)).unwrap();
    assert_eq!(refused(&some, |quorum| quorum.tally(now(109)).map(drop)), Error::DeadlineNotPassed);
    assert_eq!(some.tally(now(110)), Ok(Verdict::Failed));
    assert_eq!(some.winner, [0; 32]);

    let mut nobody = round(3);
    assert_eq!(refused(&nobody, |quorum| quorum.tally(now(1_099)).map(drop)), Error::DeadlineNotPassed);
    assert_eq!(nobody.tally(now(1_100)), Ok(Verdict::Failed));
    assert_eq!(refused(&round(0), |quorum| quorum.tally(now(9_000)).map(drop)), Error::DeadlineNotPassed);
}

#[test]
fn as_many_equal_roots_as_needed_win() {
    for (roots, verdict) in [
        ([RIGHT, RIGHT, RIGHT], Verdict::Decided),
        ([WRONG, RIGHT, RIGHT], Verdict::Decided),
        ([WRONG, RIGHT, [9; 32]], Verdict::Failed),
    ] {
        let mut quorum = revealed(roots);
        assert_eq!(quorum.tally(now(30)), Ok(verdict));
    }
    let mut unanimous = Quorum { needed: 3, ..revealed([RIGHT, RIGHT, WRONG]) };
    assert_eq!(unanimous.tally(now(30)), Ok(Verdict::Failed));
}

#[test]
fn a_root_of_who_left_does_not_count() {
    let mut quorum = revealed([RIGHT, RIGHT, WRONG]);
    quorum.leave(key(1), now(25)).unwrap();
    assert_eq!(quorum.tally(now(30)), Ok(Verdict::Failed));
}

#[test]
fn leaving_never_moves_a_time_that_runs_already() {
    let mut late = round(3);
    late.commit(key(1), RIGHT, now(10)).unwrap();
    late.commit(key(2), RIGHT, now(10)).unwrap();
    late.leave(key(3), now(1_050)).unwrap();
    assert_eq!(late.reveal_deadline(), Ok(now(1_100)));
    let mut revealing = committed();
    revealing.leave(key(3), now(50)).unwrap();
    assert_eq!(revealing.reveal_deadline(), Ok(now(110)));
    let mut counted = revealed([RIGHT; 3]);
    counted.tally(now(30)).unwrap();
    counted.leave(key(3), now(50)).unwrap();
    assert_eq!(counted.members[2].state, MemberState::Gone);
}

#[test]
fn the_count_judges_every_member_once() {
    let mut quorum = revealed([RIGHT, WRONG, RIGHT]);
    assert_eq!(refused(&quorum, |quorum| quorum.judge(key(1)).map(drop)), Error::QuorumUndecided);
    quorum.tally(now(30)).unwrap();
    assert_eq!(quorum.judge(key(1)), Ok(LeaseOutcome::Completed));
    assert_eq!(quorum.judge(key(2)), Ok(LeaseOutcome::WrongResult));
    assert!(!quorum.is_over());
    assert_eq!(quorum.judge(key(3)), Ok(LeaseOutcome::Completed));
    assert!(quorum.is_over());
    assert_eq!(refused(&quorum, |quorum| quorum.judge(key(3)).map(drop)), Error::NotAMember);
    assert_eq!(refused(&quorum, |quorum| quorum.judge(key(9)).map(drop)), Error::NotAMember);
}

#[test]
fn who_has_not_revealed_is_wrong_whatever_the_others_said() {
    let mut failed = committed();
    failed.reveal(key(1), RIGHT, RIGHT, now(20)).unwrap();
    failed.leave(key(3), now(30)).unwrap();
    failed.tally(now(110)).unwrap();
    assert_eq!(failed.judge(key(1)), Ok(LeaseOutcome::NoQuorum));
    assert_eq!(failed.judge(key(2)), Ok(LeaseOutcome::WrongResult));
    assert_eq!(refused(&failed, |quorum| quorum.judge(key(3)).map(drop)), Error::NotAMember);
    assert!(failed.is_over());
}

#[test]
fn a_round_nobody_joined_is_over() {
    assert!(round(0).is_over());
    assert!(!round(1).is_over());
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut quorum = Quorum { commit_by: UnixSeconds::MAX, ..round(3) };
    assert_eq!(refused(&quorum, |quorum| quorum.commit(key(1), RIGHT, now(u64::MAX - 1))), Error::Overflow);
    assert_eq!(refused(&quorum, |quorum| quorum.leave(key(1), UnixSeconds::MAX)), Error::Overflow);
    assert_eq!(quorum.tally(now(1)), Err(Error::Overflow));
}

#[test]
fn a_round_that_contradicts_itself_is_refused() {
    let good = round(3);
    assert_eq!(good.invariant(), Ok(()));
    assert_eq!(Quorum { needed: 3, ..good }.invariant(), Ok(()));
    assert_eq!(Quorum::new(4, 7, Seconds(1)).invariant(), Ok(()));
    assert_eq!(Quorum { verdict: Verdict::Decided, ..good }.invariant(), Ok(()));
    for bad in [
        Quorum { size: 8, ..good },
        Quorum { joined: 4, ..good },
        Quorum { needed: 4, ..good },
        Quorum { verdict: Verdict::Failed, ..round(0) },
    ] {
        assert_eq!(bad.invariant(), Err(Error::InvariantBroken), "{bad:?}");
    }
}

#[test]
fn states_read_back_from_their_numbers() {
    use MemberState::{Committed, Gone, Leased, Revealed, Settled};
    for (number, state) in [Leased, Committed, Revealed, Gone, Settled].into_iter().enumerate() {
        assert_eq!(MemberState::try_from(number as u8), Ok(state));
    }
    assert_eq!(MemberState::try_from(5), Err(Error::InvariantBroken));
    for (number, verdict) in [Verdict::Open, Verdict::Decided, Verdict::Failed].into_iter().enumerate() {
        assert_eq!(Verdict::try_from(number as u8), Ok(verdict));
    }
    assert_eq!(Verdict::try_from(3), Err(Error::InvariantBroken));
}
