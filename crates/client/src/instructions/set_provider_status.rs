use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// Drains all of a provider's rigs, or lets them take leases again. Signers: `owner`.
pub fn set_provider_status(owner: Address, draining: bool) -> Vec<Instruction> {
    let provider = address::provider(owner);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::SetProviderStatus {
        config: pubkey(address::config()),
        owner: pubkey(owner),
        provider: pubkey(provider),
        event_authority,
        program,
    };
    vec![build(
        accounts,
        millrace::instruction::SetProviderStatus { args: millrace::SetProviderStatusArgs { draining } },
    )]
}
