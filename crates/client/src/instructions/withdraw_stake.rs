use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, create_associated_token_account_idempotent, event_accounts, token_program};
use crate::address::{self, pubkey};

/// Pays the stake that has unlocked out to the owner's associated token account, which is made first where
/// it is missing. Signers: `owner`.
pub fn withdraw_stake(owner: Address, mint: Address) -> Vec<Instruction> {
    let provider = address::provider(owner);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::WithdrawStake {
        owner: pubkey(owner),
        provider: pubkey(provider),
        owner_tokens: pubkey(address::token_account(owner, mint)),
        stake_vault: pubkey(address::stake_vault(provider)),
        token_program: token_program(),
        event_authority,
        program,
    };
    let mut instructions = create_associated_token_account_idempotent(owner, owner, mint);
    instructions.push(build(accounts, millrace::instruction::WithdrawStake {}));
    instructions
}
