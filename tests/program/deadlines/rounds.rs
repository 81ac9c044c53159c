use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::LeaseSettled;
use millrace_testkit::protocol::quorum::{MemberState, Verdict};
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{JobTerms, LeaseOutcome, Payment, Seconds, UnixSeconds, Verification};
use millrace_testkit::{Environment, JobHandle, LeaseHandle, commitment, terms, usdc};

const ROOT: [u8; 32] = [7; 32];
const OTHER: [u8; 32] = [8; 32];
const SALT: [u8; 32] = [3; 32];
/// 1 hour at 3.60 USDC.
const BOND: u64 = 3_600_000;
/// Start timeout, its extension, and the longest time of a lease: when the latest commitment can come.
const COMMIT_BY: u64 = 300 + 300 + 3_600;
const REVEAL_WINDOW: u64 = 3_600;

/// Two of three, on rigs of three providers.
struct Round {
    chain: Environment,
    job: JobHandle,
    quorum: Pubkey,
    leases: Vec<LeaseHandle>,
    opened: UnixSeconds,
}

impl Round {
    /// So many of the three members have a lease.
    fn of(members: usize) -> Self {
        let mut chain = Environment::new();
        let buyer = chain.wallet(usdc(11));
        let counted = JobTerms {
            payment: Payment::OnResult,
            verification: Verification::Quorum { needed: 2, size: 3 },
            concurrent_leases: 3,
            deposit: usdc(11),
            ..terms()
        };
        let job = chain.do_open_job(&buyer, 1, counted);
        let quorum = chain.do_open_round(&job);
        let opened = chain.now();
        let mut round = Self { chain, job, quorum, leases: Vec::new(), opened };
        for _ in 0..members {
            let node = round.chain.rig(usdc(100));
            let lease = round.chain.do_open_lease(&round.job, &node);
            round.leases.push(lease);
        }
        round
    }

    /// Every member has reported 100 seconds at 100 and committed to its root.
    fn committed(roots: [[u8; 32]; 3]) -> Self {
        let mut round = Self::of(3);
        round.at(100);
        for (lease, root) in round.leases.iter().zip(roots) {
            round.chain.do_settle_final(lease, Seconds(100), ExitClass::Completed);
            round.chain.do_commit_result(lease, root, SALT);
        }
        round
    }

    fn counted(roots: [[u8; 32]; 3]) -> Self {
        let mut round = Self::committed(roots);
        for (lease, root) in round.leases.iter().zip(roots) {
            round.chain.do_reveal_result(lease, root, SALT);
        }
        round.chain.do_tally_quorum(&round.job);
        round
    }

    fn at(&mut self, seconds: u64) {
        self.chain.travel_to(UnixSeconds(self.opened.0 + seconds));
    }

    fn settle(&mut self, member: usize) -> (LeaseOutcome, u64, u64) {
        let event: LeaseSettled = self.chain.do_settle_member(&self.leases[member]).event();
        self.chain.ledger().check();
        (LeaseOutcome::try_from(event.outcome).unwrap(), event.payment, event.forfeit)
    }

    fn rules(&self) -> millrace_testkit::protocol::quorum::Quorum {
        self.chain.read::<millrace_testkit::program::state::Quorum>(&self.quorum).unwrap().rules().unwrap()
    }
}

#[test]
fn a_member_commits_in_time() {
    let mut round = Round::of(3);
    round.at(100);
    round.chain.do_settle_final(&round.leases[0], Seconds(100), ExitClass::Completed);
    let commit = round.chain.commit_result(&round.leases[0], commitment(&round.leases[0], ROOT, SALT));
    round.at(COMMIT_BY - 1);
    assert!(round.chain.fork().send(&commit).is_ok());
    round.at(COMMIT_BY);
    round.chain.refuses(&commit, MarketError::DeadlinePassed);
    round.at(COMMIT_BY + REVEAL_WINDOW);
    round.chain.do_tally_quorum(&round.job);
    assert_eq!(round.settle(0), (LeaseOutcome::WrongResult, 0, BOND));
}

#[test]
fn a_place_is_taken_in_time() {
    let mut round = Round::of(2);
    let node = round.chain.rig(usdc(100));
    let open = round.chain.open_lease(&round.job, &node);
    round.at(COMMIT_BY - 1);
    assert!(round.chain.fork().send(&open).is_ok());
    round.at(COMMIT_BY);
    round.chain.refuses(&open, MarketError::QuorumCommitted);
}

#[test]
fn a_commitment_is_revealed_in_time() {
    let mut round = Round::committed([ROOT; 3]);
    let reveal = round.chain.reveal_result(&round.leases[0], ROOT, SALT);
    round.at(100 + REVEAL_WINDOW - 1);
    assert!(round.chain.fork().send(&reveal).is_ok());
    round.chain.do_reveal_result(&round.leases[1], ROOT, SALT);
    round.at(100 + REVEAL_WINDOW);
    round.chain.refuses(&reveal, MarketError::DeadlinePassed);
    round.chain.do_tally_quorum(&round.job);
    assert_eq!(round.settle(0), (LeaseOutcome::WrongResult, 0, BOND));
    assert_eq!(round.settle(1), (LeaseOutcome::NoQuorum, 0, 0));
}

#[test]
fn a_round_is_counted_once_all_have_revealed() {
    let mut round = Round::committed([ROOT; 3]);
    let tally = round.chain.tally_quorum(&round.job);
    for lease in round.leases.clone() {
        round.chain.refuses(&tally, MarketError::DeadlineNotPassed);
        round.chain.do_reveal_result(&lease, ROOT, SALT);
    }
    round.chain.do_tally_quorum(&round.job);
    assert_eq!(round.rules().verdict, Verdict::Decided);
}

#[test]
fn a_round_is_counted_when_its_time_is_over() {
    for (mut round, deadline) in
        [(Round::committed([ROOT; 3]), 100 + REVEAL_WINDOW), (Round::of(3), COMMIT_BY + REVEAL_WINDOW)]
    {
        let tally = round.chain.tally_quorum(&round.job);
        round.at(deadline - 1);
        round.chain.refuses(&tally, MarketError::DeadlineNotPassed);
        round.at(deadline);
        round.chain.do_tally_quorum(&round.job);
        assert_eq!(round.rules().verdict, Verdict::Failed);
    }
}

#[test]
fn a_decided_round_is_settled_at_once() {
    let mut round = Round::counted([ROOT, OTHER, ROOT]);
    assert_eq!(round.settle(0), (LeaseOutcome::Completed, 100_000, 0));
    assert_eq!(round.settle(1), (LeaseOutcome::WrongResult, 0, BOND));
    assert_eq!(round.settle(2), (LeaseOutcome::Completed, 100_000, 0));
}

#[test]
fn a_failed_round_is_settled_at_once() {
    let mut round = Round::counted([ROOT, OTHER, [9; 32]]);
    for member in 0..3 {
        assert_eq!(round.settle(member), (LeaseOutcome::NoQuorum, 0, 0));
    }
    assert_eq!(round.chain.tokens(&round.job.vault), usdc(11), "nobody is paid");
}

#[test]
fn a_round_whose_members_are_through_is_closed() {
    let mut round = Round::of(3);
    let close = round.chain.close_quorum(&round.job);
    round.at(300);
    for lease in round.leases.clone() {
        round.chain.refuses(&close, MarketError::QuorumNotOver);
        round.chain.do_expire_lease(&lease);
    }
    assert!(round.rules().joined().iter().all(|member| member.state == MemberState::Gone));
    round.chain.do_close_quorum(&round.job);
    assert!(!round.chain.exists(&round.quorum));
}
