use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, MicroUsdc};

use super::{build, event_accounts, token_program};
use crate::address::{self, pubkey};

/// Adds to a provider's stake out of its owner's associated token account. Signers: `owner`.
pub fn add_stake(owner: Address, mint: Address, amount: MicroUsdc) -> Vec<Instruction> {
    let provider = address::provider(owner);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::AddStake {
        owner: pubkey(owner),
        provider: pubkey(provider),
        owner_tokens: pubkey(address::token_account(owner, mint)),
        stake_vault: pubkey(address::stake_vault(provider)),
        token_program: token_program(),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::AddStake { args: millrace::AddStakeArgs { amount: amount.0 } })]
}
