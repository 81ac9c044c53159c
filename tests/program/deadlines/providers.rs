use millrace_testkit::program::MarketError;
use millrace_testkit::protocol::{
    HALF_LIFE, HardwareAttestation, HardwareClass, JobTerms, MicroUsdc, PRIOR, ProviderStatus, Seconds, UnixSeconds,
    Verification,
};
use millrace_testkit::{Environment, ProviderHandle, parameters, usdc};

use super::disputable;
use crate::scene::Scene;

fn provider() -> (Environment, ProviderHandle) {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(100));
    (chain, node.provider)
}

/// As if so many USDC of fees had gone wrong, now.
fn spoil(chain: &mut Environment, provider: &ProviderHandle, bad: MicroUsdc) {
    let mut state = chain.provider(&provider.address);
    let mut rules = state.rules().unwrap();
    rules.reputation.bad = bad;
    rules.reputation.updated_at = chain.now();
    state.update(&rules).unwrap();
    chain.put(provider.address, &state);
}

fn status(chain: &Environment, provider: &ProviderHandle) -> ProviderStatus {
    chain.provider(&provider.address).rules().unwrap().status
}

#[test]
fn a_provider_under_the_floor_is_delisted_at_once() {
    let (mut chain, provider) = provider();
    let delist = chain.delist_provider(&provider);
    spoil(&mut chain, &provider, MicroUsdc(3 * PRIOR.0));
    chain.refuses(&delist, MarketError::ReputationAboveFloor);
    spoil(&mut chain, &provider, MicroUsdc(3 * PRIOR.0 + PRIOR.0 / 100));
    chain.do_delist_provider(&provider);
    assert_eq!(status(&chain, &provider), ProviderStatus::Delisted);
}

#[test]
fn a_draining_provider_resumes_at_once() {
    let mut scene = Scene::new();
    let provider = scene.node.provider.clone();
    let open = scene.chain.open_lease(&scene.job, &scene.node);
    scene.chain.do_set_provider_status(&provider, true);
    scene.chain.refuses(&open, MarketError::ProviderNotActive);
    scene.chain.do_set_provider_status(&provider, false);
    assert!(scene.chain.send(&open).is_ok());
}

#[test]
fn a_delisted_provider_is_listed_again_by_time() {
    let (mut chain, provider) = provider();
    spoil(&mut chain, &provider, MicroUsdc(6 * PRIOR.0));
    chain.do_delist_provider(&provider);
    let relist = chain.relist_provider(&provider);
    let half_life =
        UnixSeconds(chain.provider(&provider.address).rules().unwrap().reputation.updated_at.0 + HALF_LIFE.0);
    chain.travel_to(UnixSeconds(half_life.0 - 1));
    chain.refuses(&relist, MarketError::ReputationTooLow);
    chain.travel_to(half_life);
    chain.do_relist_provider(&provider);
    assert_eq!(status(&chain, &provider), ProviderStatus::Active);
}

#[test]
fn unbonded_stake_leaves() {
    let (mut chain, provider) = provider();
    chain.do_request_unstake(&provider, usdc(5));
    let withdraw = chain.withdraw_stake(&provider);
    chain.advance(Seconds(parameters().unbonding.0 - 1));
    chain.refuses(&withdraw, MarketError::DeadlineNotPassed);
    chain.advance(Seconds(1));
    let before = chain.tokens(&provider.owner.tokens);
    chain.do_withdraw_stake(&provider);
    assert_eq!(chain.tokens(&provider.owner.tokens).0 - before.0, usdc(5).0);
    assert_eq!(chain.tokens(&provider.stake_vault), usdc(95));
}

#[test]
fn earnings_leave_at_once() {
    let mut scene = Scene::new();
    scene.attest_until(100);
    let provider = scene.node.provider.clone();
    let (owner, treasury) = (scene.chain.tokens(&provider.owner.tokens), scene.chain.tokens(&scene.chain.treasury));
    scene.chain.do_withdraw_earnings(&provider);
    scene.chain.do_sweep_fees(&provider);
    assert_eq!(scene.chain.tokens(&provider.owner.tokens).0 - owner.0, 95_000);
    assert_eq!(scene.chain.tokens(&scene.chain.treasury).0 - treasury.0, 5_000);
    assert_eq!(scene.chain.tokens(&provider.earnings_vault), MicroUsdc::ZERO);
}

#[test]
fn a_change_of_the_payout_owner_counts() {
    let mut scene = Scene::new();
    scene.attest_until(100);
    let provider = scene.node.provider.clone();
    let next = scene.chain.wallet(MicroUsdc::ZERO);
    scene.chain.do_change_payout(&provider, next.address());
    let old = scene.chain.withdraw_earnings(&provider);
    let mut new = scene.chain.withdraw_earnings(&provider);
    new.accounts.authority = next.address();
    new.accounts.payout_account = next.tokens;
    new.signers = vec![next.key.insecure_clone()];
    scene.chain.advance(Seconds(parameters().payout_delay.0 - 1));
    assert!(scene.chain.fork().send(&new).is_err());
    assert!(scene.chain.fork().send(&old).is_ok());
    scene.chain.advance(Seconds(1));
    assert!(scene.chain.fork().send(&old).is_err());
    scene.chain.send(&new).unwrap();
    assert_eq!(scene.chain.tokens(&next.tokens), MicroUsdc(95_000));
}

#[test]
fn a_hardware_attestation_expires() {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(100));
    let buyer = chain.wallet(usdc(10));
    let class = HardwareClass::Enclave;
    let verification = Verification::AttestedHardware { class };
    let job = chain.do_open_job(&buyer, 1, JobTerms { verification, ..disputable() });
    let expires_at = UnixSeconds(chain.now().0 + 100);
    chain.do_attest_node(&node, HardwareAttestation { class, expires_at });
    chain.advance(Seconds(99));
    chain.fork().do_open_lease(&job, &node);
    chain.advance(Seconds(1));
    chain.refuses(&chain.open_lease(&job, &node), MarketError::RequirementsUnmet);
}
