use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts, system_program, token_program};
use crate::address::{self, pubkey};

/// Registers `owner` as a provider. `display_name` has 1 to 32 bytes. Signers: `owner`, who pays the rent.
pub fn register_provider(owner: Address, mint: Address, display_name: &str) -> Vec<Instruction> {
    let (provider, provider_bump) = address::find_provider(owner);
    let (stake_vault, stake_vault_bump) = address::find_stake_vault(provider);
    let (earnings_vault, earnings_vault_bump) = address::find_earnings_vault(provider);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::RegisterProvider {
        config: pubkey(address::config()),
        owner: pubkey(owner),
        provider: pubkey(provider),
        mint: pubkey(mint),
        stake_vault: pubkey(stake_vault),
        earnings_vault: pubkey(earnings_vault),
        token_program: token_program(),
        system_program: system_program(),
        event_authority,
        program,
    };
    let args = millrace::RegisterProviderArgs {
        display_name: millrace::RegisterProviderArgs::padded(display_name),
        provider_bump,
        stake_vault_bump,
        earnings_vault_bump,
    };
    vec![build(accounts, millrace::instruction::RegisterProvider { args })]
}
