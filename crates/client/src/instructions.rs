//! One builder per instruction of the program, pure: accounts and arguments in, instructions out.

mod accept_admin;
mod accept_lease;
mod add_node;
mod add_stake;
mod attest_node;
mod cancel_job;
mod change_allowance;
mod change_payout;
mod close_allowance;
mod close_buyer;
mod close_job;
mod close_provider;
mod close_quorum;
mod commit_result;
mod create_token_account;
mod delist_provider;
mod deposit_balance;
mod expire_dispute;
mod expire_job;
mod expire_lease;
mod extend_job;
mod extend_lease;
mod extend_start;
mod finalize_lease;
mod hold_lease;
mod initialize;
mod notice_preemption;
mod open_allowance;
mod open_buyer;
mod open_dispute;
mod open_job;
mod open_job_prepaid;
mod open_lease;
mod open_quorum;
mod propose_admin;
mod register_provider;
mod relist_provider;
mod remove_node;
mod request_unstake;
mod resolve_dispute;
mod reveal_result;
mod rotate_node_key;
mod set_arbiter;
mod set_node_status;
mod set_parameters;
mod set_paused;
mod set_provider_status;
mod set_scheduler;
mod set_treasury;
mod settle;
mod settle_member;
mod sweep_fees;
mod tally_quorum;
mod update_node;
mod withdraw_balance;
mod withdraw_earnings;
mod withdraw_stake;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use anchor_lang::{Discriminator, InstructionData, ToAccountMetas};

pub use accept_admin::accept_admin;
pub use accept_lease::accept_lease;
pub use add_node::{NewNode, Software, add_node};
pub use add_stake::add_stake;
pub use attest_node::{Attestation, attest_node};
pub use cancel_job::cancel_job;
pub use change_allowance::change_allowance;
pub use change_payout::change_payout;
pub use close_allowance::close_allowance;
pub use close_buyer::close_buyer;
pub use close_job::close_job;
pub use close_provider::close_provider;
pub use close_quorum::close_quorum;
pub use commit_result::commit_result;
pub use create_token_account::create_associated_token_account_idempotent;
pub use delist_provider::delist_provider;
pub use deposit_balance::deposit_balance;
pub use expire_dispute::expire_dispute;
pub use expire_job::expire_job;
pub use expire_lease::expire_lease;
pub use extend_job::extend_job;
pub use extend_lease::extend_lease;
pub use extend_start::extend_start;
pub use finalize_lease::finalize_lease;
pub use hold_lease::hold_lease;
pub use initialize::{Foundation, initialize};
pub use notice_preemption::notice_preemption;
pub use open_allowance::{AllowanceTerms, open_allowance};
pub use open_buyer::open_buyer;
pub use open_dispute::open_dispute;
pub use open_job::{NewJob, open_job};
pub use open_job_prepaid::{NewPrepaidJob, open_job_prepaid};
pub use open_lease::open_lease;
pub use open_quorum::open_quorum;
pub use propose_admin::propose_admin;
pub use register_provider::register_provider;
pub use relist_provider::relist_provider;
pub use remove_node::remove_node;
pub use request_unstake::request_unstake;
pub use resolve_dispute::resolve_dispute;
pub use reveal_result::reveal_result;
pub use rotate_node_key::rotate_node_key;
pub use set_arbiter::set_arbiter;
pub use set_node_status::set_node_status;
pub use set_parameters::set_parameters;
pub use set_paused::set_paused;
pub use set_provider_status::set_provider_status;
pub use set_scheduler::set_scheduler;
pub use set_treasury::set_treasury;
pub use settle::settle;
pub use settle_member::settle_member;
pub use sweep_fees::sweep_fees;
pub use tally_quorum::tally_quorum;
pub use update_node::{Offer, update_node};
pub use withdraw_balance::withdraw_balance;
pub use withdraw_earnings::withdraw_earnings;
pub use withdraw_stake::withdraw_stake;

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
        (known::ChangeAllowance::DISCRIMINATOR, "change_allowance"),
        (known::CloseAllowance::DISCRIMINATOR, "close_allowance"),
        (known::CloseBuyer::DISCRIMINATOR, "close_buyer"),
        (known::CloseJobPrepaid::DISCRIMINATOR, "close_job_prepaid"),
        (known::DepositBalance::DISCRIMINATOR, "deposit_balance"),
        (known::ExtendJob::DISCRIMINATOR, "extend_job"),
        (known::ExtendJobPrepaid::DISCRIMINATOR, "extend_job_prepaid"),
        (known::OpenAllowance::DISCRIMINATOR, "open_allowance"),
        (known::OpenBuyer::DISCRIMINATOR, "open_buyer"),
        (known::OpenJobPrepaid::DISCRIMINATOR, "open_job_prepaid"),
        (known::WithdrawBalance::DISCRIMINATOR, "withdraw_balance"),
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
        (known::AcceptAdmin::DISCRIMINATOR, "accept_admin"),
        (known::ChangePayout::DISCRIMINATOR, "change_payout"),
        (known::CloseProvider::DISCRIMINATOR, "close_provider"),
        (known::DelistProvider::DISCRIMINATOR, "delist_provider"),
        (known::ProposeAdmin::DISCRIMINATOR, "propose_admin"),
        (known::RelistProvider::DISCRIMINATOR, "relist_provider"),
        (known::RemoveNode::DISCRIMINATOR, "remove_node"),
        (known::RequestUnstake::DISCRIMINATOR, "request_unstake"),
        (known::RotateNodeKey::DISCRIMINATOR, "rotate_node_key"),
        (known::SetArbiter::DISCRIMINATOR, "set_arbiter"),
        (known::SetNodeStatus::DISCRIMINATOR, "set_node_status"),
        (known::SetParameters::DISCRIMINATOR, "set_parameters"),
        (known::SetPaused::DISCRIMINATOR, "set_paused"),
        (known::SetProviderStatus::DISCRIMINATOR, "set_provider_status"),
        (known::SetScheduler::DISCRIMINATOR, "set_scheduler"),
        (known::SetTreasury::DISCRIMINATOR, "set_treasury"),
        (known::SweepFees::DISCRIMINATOR, "sweep_fees"),
        (known::UpdateNode::DISCRIMINATOR, "update_node"),
        (known::WithdrawEarnings::DISCRIMINATOR, "withdraw_earnings"),
        (known::WithdrawStake::DISCRIMINATOR, "withdraw_stake"),
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
