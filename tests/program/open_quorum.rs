use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::QuorumOpened;
use millrace_testkit::protocol::Seconds;
use millrace_testkit::{Environment, JobHandle, Signer, terms, usdc};

use crate::round::{Round, counted};

fn open() -> (Environment, JobHandle) {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, counted(2, 3));
    (chain, job)
}

#[test]
fn opens_a_round_without_members_for_whoever_pays() {
    let (mut chain, job) = open();
    let payer = chain.wallet(usdc(0));
    let sol = chain.lamports(&payer.address());
    let mut call = chain.open_round(&job);
    call.accounts.payer = payer.address();
    call.signers.push(payer.key.insecure_clone());
    let event: QuorumOpened = chain.send(&call).unwrap().event();

    let address = call.accounts.quorum;
    assert_eq!((event.job, event.quorum, event.round), (job.address, address, 0));
    assert_eq!((event.needed, event.size, event.reveal_window, event.at), (2, 3, 3_600, chain.now().0));
    let quorum = chain.quorum(&address);
    assert_eq!((quorum.job, quorum.round, quorum.rent_payer), (job.address, 0, payer.address()));
    assert_eq!(quorum.bump, call.data.args.quorum_bump);
    assert_eq!((quorum.needed, quorum.size, quorum.joined, quorum.verdict), (2, 3, 0, 0));
    assert_eq!((quorum.commit_by, quorum.reveal_by, quorum.reveal_window), (0, 0, 3_600));
    assert_eq!((chain.job(&job.address).quorum_open, chain.job(&job.address).quorum_round), (1, 0));
    assert_eq!(chain.lamports(&payer.address()), sol - chain.lamports(&address));
    chain.ledger().check();
}

#[test]
fn leases_join_the_round_of_their_job_as_they_are_opened() {
    let Round { chain, job, leases, opened } = Round::new(2, 3);
    let quorum = chain.quorum(&chain.round_of(&job).0);
    assert_eq!((quorum.joined, quorum.commit_by), (3, opened.0 + crate::round::COMMIT_BY));
    for (member, lease) in quorum.members.iter().zip(&leases) {
        assert_eq!((member.lease, member.provider), (lease.address, lease.node.provider.address));
        assert_eq!((member.state, member.hash), (0, [0; 32]));
    }
}

#[test]
fn refuses_a_second_round_at_the_same_time() {
    let (mut chain, job) = open();
    let call = chain.open_round(&job);
    chain.send(&call).unwrap();
    chain.refuses(&call, MarketError::QuorumOpen);
}

#[test]
fn refuses_a_job_that_counts_nothing() {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, terms());
    let call = chain.open_round(&job);
    chain.refuses(&call, MarketError::WrongQuorum);
}

#[test]
fn refuses_a_job_that_is_over() {
    let (mut chain, job) = open();
    chain.do_cancel_job(&job);
    let call = chain.open_round(&job);
    chain.refuses(&call, MarketError::JobNotOpen);
    let (mut chain, job) = open();
    chain.advance(Seconds(600));
    chain.do_expire_job(&job);
    let call = chain.open_round(&job);
    chain.refuses(&call, MarketError::JobNotOpen);
}

#[test]
fn refuses_another_place_for_the_round() {
    let (mut chain, job) = open();
    let mut call = chain.open_round(&job);
    call.accounts.quorum = Pubkey::new_unique();
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
    let mut call = chain.open_round(&job);
    call.data.args.quorum_bump -= 1;
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
}

#[test]
fn refuses_without_the_payers_signature() {
    let (mut chain, job) = open();
    let payer = chain.scheduler.pubkey();
    let call = chain.open_round(&job).without_signature_of(payer);
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn a_counted_job_takes_no_lease_outside_of_its_round() {
    let (mut chain, job) = open();
    let node = chain.rig(usdc(100));
    let call = chain.open_lease(&job, &node);
    assert_eq!(call.accounts.quorum, None);
    chain.refuses(&call, MarketError::WrongQuorum);
    chain.do_open_round(&job);
    let mut call = chain.open_lease(&job, &node);
    call.accounts.quorum = None;
    chain.refuses(&call, MarketError::WrongQuorum);
    let buyer = chain.wallet(usdc(100));
    let other = chain.do_open_job(&buyer, 1, counted(2, 3));
    call.accounts.quorum = Some(chain.do_open_round(&other));
    chain.refuses(&call, MarketError::WrongQuorum);
}

#[test]
fn one_provider_has_one_place_and_the_buyer_gives_none() {
    let (mut chain, job) = open();
    chain.do_open_round(&job);
    let node = chain.rig(usdc(100));
    chain.do_open_lease(&job, &node);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::ProviderTwice);
    let other = chain.rig(usdc(100));
    let mut call = chain.open_lease(&job, &other);
    call.accounts.authority = job.buyer.address();
    call.signers.push(job.buyer.key.insecure_clone());
    chain.refuses(&call, MarketError::WrongAuthority);
}
