//! One builder per instruction of the program, pure: accounts and arguments in, instructions out.

mod accept_lease;
mod add_node;
mod add_stake;
mod attest_node;
mod cancel_job;
mod close_job;
mod close_quorum;
mod commit_result;
mod create_token_account;
mod expire_dispute;
mod expire_job;
mod expire_lease;
mod extend_lease;
mod extend_start;
mod finalize_lease;
mod hold_lease;
mod initialize;
mod notice_preemption;
mod open_dispute;
mod open_job;
mod open_lease;
mod open_quorum;
mod register_provider;
mod resolve_dispute;
mod reveal_result;
mod settle;
mod settle_member;
mod tally_quorum;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use anchor_lang::{Discriminator, InstructionData, ToAccountMetas};

pub use accept_lease::accept_lease;
pub use add_node::{NewNode, Software, add_node};
pub use add_stake::add_stake;
pub use attest_node::{Attestation, attest_node};
pub use cancel_job::cancel_job;
pub use close_job::close_job;
pub use close_quorum::close_quorum;
pub use commit_result::commit_result;
pub use create_token_account::create_associated_token_account_idempotent;
pub use expire_dispute::expire_dispute;
pub use expire_job::expire_job;
pub use expire_lease::expire_lease;
pub use extend_lease::extend_lease;
pub use extend_start::extend_start;
pub use finalize_lease::finalize_lease;
pub use hold_lease::hold_lease;
pub use initialize::{Foundation, initialize};
pub use notice_preemption::notice_preemption;
pub use open_dispute::open_dispute;
pub use open_job::{NewJob, open_job};
pub use open_lease::open_lease;
pub use open_quorum::open_quorum;
pub use register_provider::register_provider;
pub use resolve_dispute::resolve_dispute;
pub use reveal_result::reveal_result;
pub use settle::settle;
pub use settle_member::settle_member;
pub use tally_quorum::tally_quorum;

use crate::accounts::{DisputeAccount, JobAccount, LeaseAccount};
use crate::address::{self, event_authority, pubkey};

/// The accounts of everything that settles a lease but a voucher.
pub(crate) fn lease_parties(lease: &LeaseAccount) -> millrace::accounts::LeaseParties {
    millrace::accounts::LeaseParties {
        job: pubkey(lease.job),
        job_vault: pubkey(address::job_vault(lease.job)),
        lease: pubkey(lease.address),
        provider: pubkey(lease.provider),
        stake_vault: pubkey(address::stake_vault(lease.provider)),
        earnings_vault: pubkey(address::earnings_vault(lease.provider)),
        rent_payer: pubkey(lease.rent_payer),
        token_program: token_program(),
    }
}

/// The accounts of everything that ends a dispute.
fn dispute_parties(
    job: &JobAccount,
    lease: &LeaseAccount,
    dispute: &DisputeAccount,
) -> millrace::accounts::DisputeParties {
    millrace::accounts::DisputeParties {
        lease: lease_parties(lease),
        dispute: pubkey(dispute.address),
        dispute_rent_payer: pubkey(dispute.rent_payer),
        challenger_tokens: pubkey(address::token_account(dispute.challenger, job.mint)),
    }
}

/// What an instruction does, for messages: the program's own by its name, others by their program's.
pub(crate) fn name(program: &Pubkey, data: &[u8]) -> &'static str {
    use millrace::instruction as known;
    let own: &[(&[u8], &'static str)] = &[
        (known::Initialize::DISCRIMINATOR, "initialize"),
        (known::RegisterProvider::DISCRIMINATOR, "register_provider"),
        (known::AddStake::DISCRIMINATOR, "add_stake"),
        (known::AddNode::DISCRIMINATOR, "add_node"),
        (known::OpenJob::DISCRIMINATOR, "open_job"),
        (known::OpenLease::DISCRIMINATOR, "open_lease"),
        (known::Settle::DISCRIMINATOR, "settle"),
        (known::CancelJob::DISCRIMINATOR, "cancel_job"),
        (known::ExpireJob::DISCRIMINATOR, "expire_job"),
        (known::ExpireLease::DISCRIMINATOR, "expire_lease"),
        (known::CloseJob::DISCRIMINATOR, "close_job"),
        (known::AcceptLease::DISCRIMINATOR, "accept_lease"),
        (known::AttestNode::DISCRIMINATOR, "attest_node"),
        (known::ExtendLease::DISCRIMINATOR, "extend_lease"),
        (known::ExtendStart::DISCRIMINATOR, "extend_start"),
        (known::FinalizeLease::DISCRIMINATOR, "finalize_lease"),
        (known::HoldLease::DISCRIMINATOR, "hold_lease"),
        (known::NoticePreemption::DISCRIMINATOR, "notice_preemption"),
        (known::OpenDispute::DISCRIMINATOR, "open_dispute"),
        (known::ResolveDispute::DISCRIMINATOR, "resolve_dispute"),
        (known::ExpireDispute::DISCRIMINATOR, "expire_dispute"),
        (known::OpenQuorum::DISCRIMINATOR, "open_quorum"),
        (known::CommitResult::DISCRIMINATOR, "commit_result"),
        (known::RevealResult::DISCRIMINATOR, "reveal_result"),
        (known::TallyQuorum::DISCRIMINATOR, "tally_quorum"),
        (known::SettleMember::DISCRIMINATOR, "settle_member"),
        (known::CloseQuorum::DISCRIMINATOR, "close_quorum"),
    ];
    let others: [(Pubkey, &'static str); 5] = [
        (solana_sdk_ids::system_program::ID, "system program"),
        (solana_sdk_ids::compute_budget::ID, "compute budget"),
        (solana_sdk_ids::ed25519_program::ID, "signature check"),
        (anchor_spl::token::ID, "token program"),
        (anchor_spl::associated_token::ID, "create_token_account"),
    ];
    if *program == millrace::ID {
        let found = own.iter().find(|(discriminator, _)| data.starts_with(discriminator));
        return found.map_or("unknown instruction", |(_, name)| name);
    }
    others.iter().find(|(id, _)| id == program).map_or("foreign instruction", |(_, name)| name)
}

fn build(accounts: impl ToAccountMetas, data: impl InstructionData) -> Instruction {
    Instruction { program_id: millrace::ID, accounts: accounts.to_account_metas(None), data: data.data() }
}

/// What `#[event_cpi]` appends to every instruction's accounts.
fn event_accounts() -> (Pubkey, Pubkey) {
    (pubkey(event_authority()), millrace::ID)
}

fn system_program() -> Pubkey {
    solana_sdk_ids::system_program::ID
}

fn token_program() -> Pubkey {
    anchor_spl::token::ID
}

#[cfg(test)]
mod tests;
