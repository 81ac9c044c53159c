//! Accounts in states which no instruction brings about, and which nothing but their invariant notices:
//! what would write to one is refused.

use millrace_testkit::program::MarketError;
use millrace_testkit::protocol::{MicroUsdc, Parameters, Seconds};
use millrace_testkit::{Environment, parameters, terms, usdc};

use crate::round::{RIGHT, Round};
use crate::scene::Scene;

#[test]
fn a_balance_that_is_not_what_came_less_what_went() {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(50));
    let balance = chain.do_open_buyer(&owner, usdc(10));
    let mut state = chain.balance(&balance.address);
    state.deposited += 1;
    chain.put(balance.address, &state);
    let call = chain.deposit_balance(&owner, &balance, MicroUsdc(1));
    chain.refuses(&call, MarketError::InvariantBroken);
}

#[test]
fn a_node_with_more_leased_than_it_has() {
    let Scene { mut chain, node, .. } = Scene::new();
    let mut state = chain.node(&node.address);
    state.leased = u16::MAX.into();
    chain.put(node.address, &state);
    let call = chain.set_node_status(&node, true);
    chain.refuses(&call, MarketError::InvariantBroken);
}

#[test]
fn a_job_with_more_leases_than_were_opened() {
    let Scene { mut chain, job, .. } = Scene::new();
    let mut state = chain.job(&job.address);
    state.leases_opened = 0;
    chain.put(job.address, &state);
    let call = chain.cancel_job(&job);
    chain.refuses(&call, MarketError::InvariantBroken);
}

#[test]
fn a_lease_with_more_fees_than_payments() {
    let Scene { mut chain, lease, .. } =
        Scene::under(Parameters { hold_limit: Seconds(1_000), ..parameters() }, terms());
    chain.advance(Seconds(100));
    chain.do_settle(&lease, Seconds(80));
    let mut state = chain.lease(&lease.address);
    state.fees = state.paid + 1;
    chain.put(lease.address, &state);
    chain.advance(Seconds(50));
    let call = chain.hold_lease(&lease);
    chain.refuses(&call, MarketError::InvariantBroken);
}

#[test]
fn a_round_that_needs_more_results_than_it_has_members() {
    let Round { mut chain, job, leases, .. } = Round::new(2, 2);
    let (address, _) = chain.round_of(&job);
    let mut state = chain.quorum(&address);
    state.needed = 3;
    chain.put(address, &state);
    let call = chain.commit_result(&leases[0], RIGHT);
    chain.refuses(&call, MarketError::InvariantBroken);
}
