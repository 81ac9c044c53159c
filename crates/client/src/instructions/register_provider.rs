use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts, system_program, token_program};
use crate::address::{self, pubkey};

/// Registers `owner` as a provider. `display_name` has 1 to 32 bytes. Signers: `owner`, who pays the rent.
pub fn register_provider(owner: Address, mint: Address, display_name: &str) -> Vec<Instruction> {
    let provider = address::provider(owner);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::RegisterProvider {
        config: pubkey(address::config()),
        owner: pubkey(owner),
        provider: pubkey(provider),
        mint: pubkey(mint),
        stake_vault: pubkey(address::stake_vault(provider)),
        earnings_vault: pubkey(address::earnings_vault(provider)),
        token_program: token_program(),
        system_program: system_program(),
        event_authority,
        program,
    };
    let args = millrace::RegisterProviderArgs { display_name: display_name.to_owned() };
    vec![build(accounts, millrace::instruction::RegisterProvider { args })]
}
