//! Checks that only a state can break which no instruction brings about: a vault short of its ledger,
//! an account of another layout, a forged one. Removing any of them makes a test here fail.

use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::state::Config;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{MicroUsdc, Seconds};
use millrace_testkit::{Environment, JobHandle, LeaseHandle, NodeHandle, Signer, attestation, parameters, terms, usdc};

struct Scene {
    chain: Environment,
    node: NodeHandle,
    job: JobHandle,
    lease: LeaseHandle,
}

fn scene() -> Scene {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(100));
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, terms());
    let lease = chain.do_open_lease(&job, &node);
    Scene { chain, node, job, lease }
}

/// Takes a micro-USDC out of a vault.
fn shorten(chain: &mut Environment, vault: Pubkey, owner: Pubkey) {
    let left = chain.tokens(&vault).minus(MicroUsdc(1)).unwrap();
    chain.put_tokens(vault, owner, chain.mint, left);
}

#[test]
fn a_job_is_not_closed_out_of_a_vault_that_is_short() {
    let Scene { mut chain, job, lease, .. } = scene();
    chain.do_settle_final(&lease, Seconds::ZERO, ExitClass::Completed);
    shorten(&mut chain, job.vault, job.address);
    let call = chain.close_job(&job);
    chain.refuses(&call, MarketError::VaultShort);
}

#[test]
fn a_voucher_is_not_paid_out_of_a_jobs_vault_that_is_short() {
    let Scene { mut chain, job, lease, .. } = scene();
    shorten(&mut chain, job.vault, job.address);
    let call = chain.settle(&lease, &attestation(lease.address, 1, Seconds(1)));
    chain.refuses(&call, MarketError::VaultShort);
}

#[test]
fn a_voucher_is_not_paid_into_earnings_that_are_short() {
    let Scene { mut chain, node, lease, .. } = scene();
    chain.advance(Seconds(10));
    chain.do_settle(&lease, Seconds(5));
    shorten(&mut chain, node.provider.earnings_vault, node.provider.address);
    let call = chain.settle(&lease, &attestation(lease.address, 2, Seconds(6)));
    chain.refuses(&call, MarketError::VaultShort);
}

#[test]
fn a_lease_does_not_expire_into_or_out_of_vaults_that_are_short() {
    for stake in [true, false] {
        let Scene { mut chain, node, job, lease } = scene();
        chain.advance(Seconds(300));
        let (vault, owner) =
            if stake { (node.provider.stake_vault, node.provider.address) } else { (job.vault, job.address) };
        shorten(&mut chain, vault, owner);
        let call = chain.expire_lease(&lease);
        chain.refuses(&call, MarketError::VaultShort);
    }
}

#[test]
fn stake_is_not_added_to_a_vault_that_is_short() {
    let Scene { mut chain, node, .. } = scene();
    shorten(&mut chain, node.provider.stake_vault, node.provider.address);
    chain.put_tokens(node.provider.owner.tokens, node.provider.owner.address(), chain.mint, usdc(1));
    let call = chain.add_stake(&node.provider, MicroUsdc(1));
    chain.refuses(&call, MarketError::VaultShort);
}

#[test]
fn a_job_is_paid_for_in_the_networks_money() {
    let Scene { mut chain, job, .. } = scene();
    let (other_mint, purse) = (Pubkey::new_unique(), Pubkey::new_unique());
    chain.put_mint(other_mint);
    chain.put_tokens(purse, job.buyer.address(), other_mint, usdc(100));
    let other = Environment::job_of(&job.buyer, &job.funder, 2);
    let mut call = chain.open_job(&other, 2, terms());
    (call.accounts.mint, call.accounts.funder_tokens) = (other_mint, purse);
    chain.refuses(&call, MarketError::WrongMint);
}

#[test]
fn the_networks_money_is_a_mint_of_the_token_program() {
    let mut chain = Environment::unfounded();
    let no_mint = chain.key().pubkey();
    chain.put_tokens(chain.treasury, Pubkey::new_unique(), no_mint, MicroUsdc::ZERO);
    let mut call = chain.initialize(parameters());
    call.accounts.mint = no_mint;
    chain.refuses(&call, ErrorCode::AccountNotInitialized);
}

#[test]
fn a_refund_goes_to_a_token_account_of_the_token_program() {
    let Scene { mut chain, job, lease, .. } = scene();
    chain.do_settle_final(&lease, Seconds::ZERO, ExitClass::Completed);
    let forged = chain.forge(job.funder.tokens, solana_sdk_ids::system_program::ID);
    let mut call = chain.close_job(&job);
    call.accounts.refund_account = forged;
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
    call.accounts.refund_account = chain.mint;
    chain.refuses(&call, ErrorCode::AccountDidNotDeserialize);
}

#[test]
fn a_configuration_of_another_layout_or_out_of_bounds_opens_no_lease() {
    let Scene { mut chain, node, job, .. } = scene();
    let config = chain.config();
    let call = chain.open_lease(&job, &node);
    chain.put(Environment::config_address(), &Config { version: 2, ..config });
    chain.refuses(&call, MarketError::UnknownVersion);
    let mut beyond = config;
    beyond.parameters.fee_bps = u16::MAX;
    chain.put(Environment::config_address(), &beyond);
    chain.refuses(&call, MarketError::ParameterOutOfBounds);
}

#[test]
fn a_provider_of_another_layout_or_with_impossible_books_does_nothing() {
    let Scene { mut chain, node, lease, .. } = scene();
    let provider = chain.provider(&node.provider.address);
    let mut other = provider;
    other.version = 2;
    chain.put(node.provider.address, &other);
    let call = chain.add_stake(&node.provider, MicroUsdc(1));
    chain.refuses(&call, MarketError::UnknownVersion);

    let mut impossible = provider;
    impossible.stake_locked = impossible.stake_total + 1;
    chain.put(node.provider.address, &impossible);
    let call = chain.settle(&lease, &attestation(lease.address, 1, Seconds::ZERO));
    chain.refuses(&call, MarketError::InvariantBroken);
}
