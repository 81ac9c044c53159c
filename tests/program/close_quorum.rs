use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::QuorumClosed;
use millrace_testkit::{Environment, Signer, usdc};

use crate::round::{RIGHT, Round, counted};

#[test]
fn gives_the_rent_back_and_frees_the_job() {
    let mut round = Round::revealed(&[RIGHT, RIGHT], 2);
    round.chain.do_tally_quorum(&round.job);
    let call = round.chain.close_quorum(&round.job);
    round.chain.refuses(&call, MarketError::QuorumNotOver);
    round.chain.do_settle_member(&round.leases[0]);
    round.chain.refuses(&call, MarketError::QuorumNotOver);
    round.chain.do_settle_member(&round.leases[1]);

    let close_job = round.chain.close_job(&round.job);
    round.chain.refuses(&close_job, MarketError::QuorumOpen);
    let (scheduler, address) = (round.chain.scheduler.pubkey(), call.accounts.quorum);
    let (sol, rent) = (round.chain.lamports(&scheduler), round.chain.lamports(&address));
    let event: QuorumClosed = round.chain.send(&call).unwrap().event();
    assert_eq!((event.job, event.quorum, event.round), (round.job.address, address, 0));
    assert_eq!((event.verdict, event.at), (1, round.chain.now().0));
    assert!(!round.chain.exists(&address));
    assert_eq!(round.chain.lamports(&scheduler), sol + rent);
    let job = round.chain.job(&round.job.address);
    assert_eq!((job.quorum_open, job.quorum_round), (0, 1));
    round.chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
    round.chain.send(&close_job).unwrap();
    assert_eq!(round.chain.tokens(&round.job.buyer.tokens).0, usdc(100).0 - 200_000);
}

#[test]
fn a_round_that_nobody_joined_holds_nobodys_rent() {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, counted(2, 3));
    let sol = chain.lamports(&chain.scheduler.pubkey());
    let first = chain.do_open_round(&job);
    let event: QuorumClosed = chain.do_close_quorum(&job).event();
    assert_eq!((event.round, event.verdict), (0, 0));
    assert_eq!(chain.lamports(&chain.scheduler.pubkey()), sol);
    assert_ne!(chain.do_open_round(&job), first, "each round has an address of its own");

    chain.do_cancel_job(&job);
    let call = chain.close_job(&job);
    chain.refuses(&call, MarketError::QuorumOpen);
    chain.do_close_quorum(&job);
    chain.send(&call).unwrap();
    assert_eq!(chain.tokens(&buyer.tokens), usdc(100));
}

#[test]
fn refuses_the_round_of_another_job() {
    let mut round = Round::new(2, 2);
    let (other, _) = round.unrelated();
    let mut call = round.chain.close_quorum(&round.job);
    call.accounts.job = other.address;
    round.chain.refuses(&call, MarketError::WrongQuorum);
}

/// No instruction brings either about: the round of a job that has none open has been closed.
#[test]
fn refuses_a_round_that_the_job_does_not_have_open() {
    let Round { mut chain, job, .. } = Round::new(2, 2);
    let call = chain.close_quorum(&job);
    let quorum = chain.quorum(&call.accounts.quorum);
    let mut later = quorum;
    later.round += 1;
    chain.put(call.accounts.quorum, &later);
    chain.refuses(&call, MarketError::WrongQuorum);
    chain.put(call.accounts.quorum, &quorum);
    let mut without = chain.job(&job.address);
    without.quorum_open = 0;
    chain.put(job.address, &without);
    chain.refuses(&call, MarketError::WrongQuorum);
}

#[test]
fn refuses_rent_for_somebody_else() {
    let mut round = Round::new(2, 2);
    let mut call = round.chain.close_quorum(&round.job);
    call.accounts.rent_payer = round.job.buyer.address();
    round.chain.refuses(&call, MarketError::WrongRentPayer);
}
