//! Who opens a lease, and at which price.

use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::LeaseOpened;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{JobTerms, MicroUsdc, PricePerGpuHour, Seconds};
use millrace_testkit::{Environment, JobHandle, NodeHandle, Signer, terms, usdc};

const POSTED: PricePerGpuHour = PricePerGpuHour(3_600_000);
const LOWER: PricePerGpuHour = PricePerGpuHour(2_500_000);
const BIDS: [u8; 32] = [4; 32];

fn ready(terms: JobTerms) -> (Environment, JobHandle, NodeHandle) {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(100));
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, terms);
    (chain, job, node)
}

#[test]
fn a_buyer_awards_a_lease_at_any_price_without_the_scheduler() {
    let (mut chain, job, node) = ready(terms());
    let sol = chain.lamports(&job.buyer.address());
    let call = chain.award_lease(&job, &node, LOWER);
    let event: LeaseOpened = chain.send(&call).unwrap().event();

    let lease = chain.lease(&call.accounts.lease);
    assert_eq!((lease.price, lease.reserved, lease.bid_book_root), (LOWER.0, LOWER.0, [0; 32]));
    assert_eq!((lease.rent_payer, lease.attestor), (job.buyer.address(), chain.scheduler.pubkey()));
    assert_eq!((event.price, event.attestor), (LOWER.0, chain.scheduler.pubkey()));
    assert_eq!(chain.lamports(&job.buyer.address()), sol - chain.lamports(&call.accounts.lease));
    chain.ledger().check();
}

#[test]
fn the_rent_of_an_awarded_lease_returns_to_the_buyer() {
    let (mut chain, job, node) = ready(terms());
    let sol = chain.lamports(&job.buyer.address());
    let call = chain.award_lease(&job, &node, LOWER);
    let lease = chain.do_open_lease_as(&job, &node, &call);
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(80), ExitClass::Completed);
    assert_eq!(chain.lamports(&job.buyer.address()), sol);
}

#[test]
fn refuses_the_award_of_another_jobs_buyer() {
    let (mut chain, job, node) = ready(terms());
    let other = chain.wallet(MicroUsdc::ZERO);
    let mut call = chain.award_lease(&job, &node, LOWER);
    call.accounts.authority = other.address();
    call.signers.push(other.key);
    chain.refuses(&call, MarketError::WrongAuthority);
}

#[test]
fn refuses_the_award_of_whoever_only_pays() {
    let (mut chain, job, node) = ready(terms());
    let funder = chain.wallet(usdc(10));
    let funded = Environment::job_of(&job.buyer, &funder, 2);
    let call = chain.open_job(&funded, 2, terms());
    chain.send(&call).unwrap();
    let mut call = chain.award_lease(&funded, &node, LOWER);
    call.accounts.authority = funder.address();
    call.signers.push(funder.key);
    chain.refuses(&call, MarketError::WrongAuthority);
}

#[test]
fn refuses_an_award_without_the_buyers_or_the_nodes_signature() {
    let (mut chain, job, node) = ready(terms());
    for key in [job.buyer.address(), node.key.pubkey()] {
        let call = chain.award_lease(&job, &node, LOWER).without_signature_of(key);
        chain.refuses(&call, ErrorCode::AccountNotSigner);
    }
}

#[test]
fn refuses_an_award_over_the_jobs_maximum() {
    let (mut chain, job, node) = ready(terms());
    let call = chain.award_lease(&job, &node, PricePerGpuHour(POSTED.0 + 1));
    chain.refuses(&call, MarketError::PriceNotAgreed);
}

#[test]
fn takes_the_price_of_an_auction_whose_bids_are_on_record() {
    let (mut chain, job, node) = ready(terms());
    let call = chain.open_lease_at(&job, &node, LOWER, [0; 32]);
    chain.refuses(&call, MarketError::PriceNotAgreed);
    let call = chain.open_lease_at(&job, &node, LOWER, BIDS);
    let event: LeaseOpened = chain.send(&call).unwrap().event();
    let lease = chain.lease(&call.accounts.lease);
    assert_eq!((lease.price, lease.bid_book_root), (LOWER.0, BIDS));
    assert_eq!((event.price, event.bid_book_root), (LOWER.0, BIDS));
}

#[test]
fn refuses_an_auctions_price_over_the_jobs_maximum() {
    let (mut chain, job, node) = ready(terms());
    let call = chain.open_lease_at(&job, &node, PricePerGpuHour(POSTED.0 + 1), BIDS);
    chain.refuses(&call, MarketError::PriceNotAgreed);
}

#[test]
fn a_spot_job_pays_the_nodes_spot_price() {
    let (mut chain, job, node) = ready(JobTerms { spot: true, ..terms() });
    let call = chain.open_lease_at(&job, &node, POSTED, [0; 32]);
    chain.refuses(&call, MarketError::PriceNotAgreed);
    let call = chain.open_lease_at(&job, &node, PricePerGpuHour(1_800_000), [0; 32]);
    let lease = chain.do_open_lease_as(&job, &node, &call);
    assert_eq!(chain.lease(&lease.address).reserved, 1_800_000);
}

#[test]
fn a_node_without_a_spot_price_takes_no_spot_lease_at_any_price() {
    let (mut chain, job, node) = ready(JobTerms { spot: true, ..terms() });
    let mut state = chain.node(&node.address);
    state.spot_price = 0;
    chain.put(node.address, &state);
    for root in [[0; 32], BIDS] {
        let call = chain.open_lease_at(&job, &node, LOWER, root);
        chain.refuses(&call, MarketError::PriceNotAgreed);
    }
    let call = chain.award_lease(&job, &node, LOWER);
    chain.refuses(&call, MarketError::PriceNotAgreed);
}
