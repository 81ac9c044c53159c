//! What holds for the accounts of every instruction.

use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::protocol::{MicroUsdc, Seconds};
use millrace_testkit::{attestation, usdc};

use crate::scene::Scene;

#[test]
fn one_kind_of_account_does_not_pass_for_another() {
    let Scene { mut chain, node, job, lease, .. } = Scene::new();
    let mut call = chain.cancel_job(&job);
    call.accounts.job = node.provider.address;
    chain.refuses(&call, ErrorCode::AccountDiscriminatorMismatch);
    let mut call = chain.open_lease(&job, &node);
    call.accounts.node = lease.address;
    chain.refuses(&call, ErrorCode::AccountDiscriminatorMismatch);
    let mut call = chain.expire_lease(&lease);
    call.accounts.parties.lease = job.address;
    chain.refuses(&call, ErrorCode::AccountDiscriminatorMismatch);
}

#[test]
fn a_copy_owned_by_another_program_is_refused() {
    let Scene { mut chain, node, job, lease, .. } = Scene::new();
    let thief = Pubkey::new_unique();
    chain.advance(Seconds(400));
    let mut call = chain.settle(&lease, &attestation(lease.address, 1, Seconds(50)));
    call.accounts.lease = chain.forge(lease.address, thief);
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
    let mut call = chain.expire_lease(&lease);
    call.accounts.parties.lease = chain.forge(lease.address, thief);
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
    let mut call = chain.open_lease(&job, &node);
    call.accounts.provider = chain.forge(node.provider.address, thief);
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
    let mut call = chain.open_lease(&job, &node);
    call.accounts.config = chain.forge(call.accounts.config, thief);
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn a_second_config_is_refused_even_if_it_were_the_programs_own() {
    let Scene { mut chain, node, job, .. } = Scene::new();
    let mut call = chain.open_lease(&job, &node);
    call.accounts.config = chain.forge(call.accounts.config, millrace_testkit::program::ID);
    chain.refuses(&call, ErrorCode::ConstraintAddress);
}

#[test]
fn only_the_real_token_program_moves_tokens() {
    let Scene { mut chain, job, lease, .. } = Scene::new();
    let fake = anchor_lang::system_program::ID;
    chain.advance(Seconds(300));
    let mut call = chain.expire_lease(&lease);
    call.accounts.parties.token_program = fake;
    chain.refuses(&call, ErrorCode::InvalidProgramId);
    let mut call = chain.settle(&lease, &attestation(lease.address, 1, Seconds(50)));
    call.accounts.token_program = fake;
    chain.refuses(&call, ErrorCode::InvalidProgramId);
    let mut call = chain.close_job(&job);
    call.accounts.token_program = fake;
    chain.refuses(&call, ErrorCode::InvalidProgramId);
}

#[test]
fn events_are_signed_by_the_program_alone() {
    let Scene { mut chain, job, .. } = Scene::new();
    let mut call = chain.cancel_job(&job);
    call.accounts.event_authority = job.buyer.address();
    chain.refuses(&call, ErrorCode::ConstraintAddress);
}

#[test]
fn an_account_of_another_layout_version_is_refused() {
    let Scene { mut chain, job, lease, node, .. } = Scene::new();
    let mut newer = chain.job(&job.address);
    newer.version = 2;
    chain.put(job.address, &newer);
    let call = chain.cancel_job(&job);
    chain.refuses(&call, MarketError::UnknownVersion);
    newer.version = 1;
    chain.put(job.address, &newer);

    let mut newer = chain.lease(&lease.address);
    newer.version = 2;
    chain.put(lease.address, &newer);
    let call = chain.settle(&lease, &attestation(lease.address, 1, Seconds(0)));
    chain.refuses(&call, MarketError::UnknownVersion);

    let mut newer = chain.node(&node.address);
    newer.version = 2;
    chain.put(node.address, &newer);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::UnknownVersion);
}

#[test]
fn an_account_that_contradicts_itself_is_refused() {
    let Scene { mut chain, job, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    let good = chain.job(&job.address);
    let mut bad = good;
    bad.paid = bad.terms.deposit + 1;
    chain.put(job.address, &bad);
    let call = chain.cancel_job(&job);
    chain.refuses(&call, MarketError::InvariantBroken);

    let mut bad = good;
    bad.state = 9;
    chain.put(job.address, &bad);
    let call = chain.cancel_job(&job);
    chain.refuses(&call, MarketError::InvariantBroken);

    let mut bad = good;
    bad.reserved = 0;
    chain.put(job.address, &bad);
    let call = chain.settle(&lease, &attestation(lease.address, 1, Seconds(50)));
    chain.refuses(&call, MarketError::InvariantBroken);
}

#[test]
fn a_vault_that_holds_less_than_its_ledger_is_refused() {
    let Scene { mut chain, job, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    chain.put_tokens(job.vault, job.address, chain.mint, MicroUsdc(usdc(10).0 - 1));
    let call = chain.settle(&lease, &attestation(lease.address, 1, Seconds(50)));
    chain.refuses(&call, MarketError::VaultShort);
}
