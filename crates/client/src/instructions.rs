//! One builder per instruction of the program, pure: accounts and arguments in, instructions out.

mod add_node;
mod add_stake;
mod cancel_job;
mod close_job;
mod create_token_account;
mod expire_job;
mod expire_lease;
mod initialize;
mod open_job;
mod open_lease;
mod register_provider;
mod settle;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use anchor_lang::{Discriminator, InstructionData, ToAccountMetas};

pub use add_node::{NewNode, add_node};
pub use add_stake::add_stake;
pub use cancel_job::cancel_job;
pub use close_job::close_job;
pub use create_token_account::create_associated_token_account_idempotent;
pub use expire_job::expire_job;
pub use expire_lease::expire_lease;
pub use initialize::{Foundation, initialize};
pub use open_job::{NewJob, open_job};
pub use open_lease::open_lease;
pub use register_provider::register_provider;
pub use settle::settle;

use crate::accounts::LeaseAccount;
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

/// What an instruction does, for messages: the program's own by its name, others by their program's.
pub(crate) fn name(program: &Pubkey, data: &[u8]) -> &'static str {
    use millrace::instruction as known;
    let own: [(&[u8], &'static str); 11] = [
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
