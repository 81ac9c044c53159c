//! Whole lives of jobs whose results are counted, every balance to the micro-USDC.

use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{JobClosed, LeaseSettled, QuorumTallied, VoucherSettled};
use millrace_testkit::protocol::Seconds;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::usdc;

use crate::round::{COMMIT_BY, REVEAL_WINDOW, RIGHT, Round, WRONG};

const STAKE: u64 = 100_000_000;
const BOND: u64 = 3_600_000;
/// For 100 seconds, fee included.
const PAY: u64 = 100_000;

impl Round {
    /// Settles everyone, closes the round.
    fn wind_up(&mut self) {
        for lease in &self.leases {
            self.chain.do_settle_member(lease);
            self.chain.ledger().check();
        }
        self.chain.do_close_quorum(&self.job);
        self.chain.ledger().check();
    }

    fn wind_up_job(&mut self) -> JobClosed {
        let closed = self.chain.do_close_job(&self.job).event();
        self.chain.ledger().check();
        closed
    }
}

#[test]
fn three_of_five_with_a_liar_and_a_silent_one() {
    let mut round = Round::new(3, 5);
    let supply = round.chain.ledger().supply();
    let n_accounts = round.chain.everything().len();
    round.at(100);
    round.report(0..5);
    for (member, root) in [RIGHT, WRONG, RIGHT, RIGHT].into_iter().enumerate() {
        round.commit(member, root);
    }
    round.at(COMMIT_BY - 1);
    let early = round.chain.reveal_result(&round.leases[0], RIGHT, [0; 32]);
    round.chain.refuses(&early, MarketError::DeadlineNotPassed);
    round.at(COMMIT_BY);
    let late = round.chain.commit_result(&round.leases[4], RIGHT);
    round.chain.refuses(&late, MarketError::DeadlinePassed);
    for (member, root) in [RIGHT, WRONG, RIGHT, RIGHT].into_iter().enumerate() {
        round.reveal(member, root);
    }
    let count = round.chain.tally_quorum(&round.job);
    round.at(COMMIT_BY + REVEAL_WINDOW - 1);
    round.chain.refuses(&count, MarketError::DeadlineNotPassed);
    round.at(COMMIT_BY + REVEAL_WINDOW);
    let tallied: QuorumTallied = round.chain.send(&count).unwrap().event();
    assert_eq!((tallied.verdict, tallied.winner), (1, RIGHT));
    assert_eq!(round.states(), [2, 2, 2, 2, 0]);
    round.wind_up();

    for (member, expected) in
        [(STAKE, PAY), (STAKE - BOND, BOND), (STAKE, PAY), (STAKE, PAY), (STAKE - BOND, BOND)].into_iter().enumerate()
    {
        assert_eq!(round.vaults(member), expected, "member {member}");
    }
    let job = round.chain.job(&round.job.address);
    assert_eq!((job.state, job.paid, job.fees, job.compensation), (3, 3 * 95_000, 3 * 5_000, 0));
    assert_eq!(round.chain.tokens(&round.job.vault).0, usdc(20).0 - 3 * PAY);
    let closed = round.wind_up_job();
    assert_eq!((closed.refund, closed.surplus), (usdc(20).0 - 3 * PAY, 0));
    assert_eq!(round.chain.tokens(&round.job.buyer.tokens).0, usdc(100).0 - 3 * PAY);
    assert_eq!(round.chain.ledger().supply(), supply);
    // Five leases, the round, the job and its vault are gone.
    assert_eq!(round.chain.everything().len(), n_accounts - 8);
}

#[test]
fn no_quorum_pays_nobody_and_a_second_round_decides() {
    let mut round = Round::revealed(&[RIGHT, WRONG, [9; 32]], 2);
    let tallied: QuorumTallied = round.chain.do_tally_quorum(&round.job).event();
    assert_eq!((tallied.round, tallied.verdict), (0, 2));
    let first = round.leases.clone();
    for (member, lease) in first.iter().enumerate() {
        let event: LeaseSettled = round.chain.do_settle_member(lease).event();
        assert_eq!((event.outcome, event.payment, event.forfeit, event.compensation), (10, 0, 0, 0));
        assert_eq!(round.vaults(member), (STAKE, 0));
    }
    let job = round.chain.job(&round.job.address);
    assert_eq!((job.state, job.attempts_failed, job.start_deadline), (0, 1, round.chain.now().0 + 600));
    assert_eq!(round.chain.tokens(&round.job.vault), usdc(12));
    // The round that was counted takes nobody; the job gets its next one when it is closed.
    let call = round.chain.open_lease(&round.job, &first[0].node);
    round.chain.refuses(&call, MarketError::QuorumFull);
    let call = round.chain.open_round(&round.job);
    round.chain.refuses(&call, MarketError::QuorumOpen);
    round.chain.do_close_quorum(&round.job);

    round.fill(3);
    assert_eq!(round.chain.quorum(&round.chain.round_of(&round.job).0).round, 1);
    round.reveal_all(&[RIGHT, RIGHT, WRONG]);
    let tallied: QuorumTallied = round.chain.do_tally_quorum(&round.job).event();
    assert_eq!((tallied.round, tallied.verdict, tallied.winner), (1, 1, RIGHT));
    round.wind_up();
    assert_eq!([0, 1, 2].map(|member| round.vaults(member)), [(STAKE, PAY), (STAKE, PAY), (STAKE - BOND, BOND)]);
    let job = round.chain.job(&round.job.address);
    assert_eq!((job.state, job.attempts_failed, job.quorum_round, job.leases_opened), (3, 1, 2, 6));
    round.wind_up_job();
    assert_eq!(round.chain.tokens(&round.job.buyer.tokens).0, usdc(100).0 - 2 * PAY);
}

#[test]
fn a_cancel_in_the_middle_pays_who_has_shown_a_result() {
    let mut round = Round::new(2, 3);
    round.at(100);
    round.report(0..2);
    round.commit(0, RIGHT);
    round.commit(1, WRONG);
    round.at(200);
    round.chain.do_cancel_job(&round.job);
    round.at(210);
    // Ten seconds past the cancel are attested and not paid; without a result, the third leaves.
    let event: VoucherSettled =
        round.chain.do_settle_final(&round.leases[2], Seconds(210), ExitClass::Released).event();
    assert_eq!((event.settled, event.payment, event.fee), (true, 200_000, 10_000));
    assert_eq!(round.states(), [1, 1, 3]);
    round.reveal(0, RIGHT);
    round.reveal(1, WRONG);
    let tallied: QuorumTallied = round.chain.do_tally_quorum(&round.job).event();
    assert_eq!(tallied.verdict, 2);
    let close_job = round.chain.close_job(&round.job);
    round.chain.refuses(&close_job, MarketError::QuorumOpen);
    round.leases.truncate(2);
    round.wind_up();
    assert_eq!([0, 1].map(|member| round.vaults(member)), [(STAKE, PAY), (STAKE, PAY)]);
    assert_eq!(round.chain.job(&round.job.address).state, 3);
    round.wind_up_job();
    assert_eq!(round.chain.tokens(&round.job.buyer.tokens).0, usdc(100).0 - 400_000);
}

#[test]
fn who_commits_and_hides_its_result_is_wrong_even_where_nobody_won() {
    let mut round = Round::new(2, 2);
    round.at(100);
    round.report(0..2);
    round.commit(0, RIGHT);
    round.commit(1, RIGHT);
    round.reveal(0, RIGHT);
    round.at(100 + REVEAL_WINDOW);
    let tallied: QuorumTallied = round.chain.do_tally_quorum(&round.job).event();
    assert_eq!(tallied.verdict, 2);
    round.wind_up();
    assert_eq!([0, 1].map(|member| round.vaults(member)), [(STAKE, 0), (STAKE - BOND, BOND)]);
    let job = round.chain.job(&round.job.address);
    assert_eq!((job.state, job.attempts_failed), (0, 1));
    assert_eq!(round.chain.tokens(&round.job.vault), usdc(8));
}

#[test]
fn who_never_starts_leaves_and_another_takes_the_place() {
    let mut round = Round::new(2, 3);
    round.at(100);
    round.report(0..2);
    round.commit(0, RIGHT);
    round.at(300);
    let expire = round.chain.expire_lease(&round.leases[2]);
    let mut without = round.chain.expire_lease(&round.leases[2]);
    without.accounts.quorum = None;
    round.chain.refuses(&without, MarketError::WrongQuorum);
    let (other, _) = round.unrelated();
    without.accounts.quorum = Some(round.chain.round_of(&other).0);
    round.chain.refuses(&without, MarketError::WrongQuorum);
    let event: LeaseSettled = round.chain.send(&expire).unwrap().event();
    // A tenth of the bond, to the buyer.
    assert_eq!((event.outcome, event.compensation), (4, 360_000));
    assert_eq!(round.states(), [1, 0, 3]);

    let node = round.chain.rig(usdc(100));
    let gone = round.leases[2].clone();
    round.leases[2] = round.chain.do_open_lease(&round.job, &node);
    assert_eq!(round.states(), [1, 0, 0]);
    round.at(400);
    round.chain.do_settle_final(&round.leases[2], Seconds(100), ExitClass::Completed);
    round.commit(1, RIGHT);
    round.commit(2, RIGHT);
    (0..3).for_each(|member| round.reveal(member, RIGHT));
    round.chain.do_tally_quorum(&round.job);
    round.wind_up();
    assert_eq!([0, 1, 2].map(|member| round.vaults(member)), [(STAKE, PAY); 3]);
    assert_eq!(round.chain.tokens(&gone.node.provider.stake_vault).0, STAKE - 360_000);
    round.wind_up_job();
    assert_eq!(round.chain.tokens(&round.job.buyer.tokens).0, usdc(100).0 + 360_000 - 3 * PAY);
}

#[test]
fn a_node_fault_leaves_the_round_unpaid_and_unslashed() {
    let mut round = Round::new(2, 3);
    round.at(100);
    round.report(0..2);
    round.commit(0, RIGHT);
    round.commit(1, RIGHT);
    let event: VoucherSettled =
        round.chain.do_settle_final(&round.leases[2], Seconds(90), ExitClass::NodeFault).event();
    assert_eq!((event.settled, event.payment, event.compensation), (true, 0, 0));
    assert_eq!((round.states(), round.vaults(2)), (vec![1, 1, 3], (STAKE, 0)));
    (0..2).for_each(|member| round.reveal(member, RIGHT));
    round.chain.do_tally_quorum(&round.job);
    round.leases.truncate(2);
    round.wind_up();
    assert_eq!([0, 1].map(|member| round.vaults(member)), [(STAKE, PAY); 2]);
    round.wind_up_job();
    assert_eq!(round.chain.tokens(&round.job.buyer.tokens).0, usdc(100).0 - 2 * PAY);
}

#[test]
fn a_round_that_everybody_left_is_closed_and_the_job_goes_on() {
    let mut round = Round::new(2, 2);
    round.at(300);
    round.chain.do_expire_lease(&round.leases[0]);
    let call = round.chain.close_quorum(&round.job);
    round.chain.refuses(&call, MarketError::QuorumNotOver);
    round.chain.do_expire_lease(&round.leases[1]);
    round.chain.send(&call).unwrap();
    let job = round.chain.job(&round.job.address);
    assert_eq!((job.state, job.attempts_failed, job.quorum_open, job.compensation), (0, 1, 0, 720_000));
    round.fill(2);
    round.chain.ledger().check();
}
