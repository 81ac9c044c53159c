use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::MicroUsdc;

use super::{build, create_associated_token_account_idempotent, event_accounts, token_program};
use crate::accounts::BuyerAccount;
use crate::address::{self, pubkey};

/// Moves money from a balance to its owner's associated token account, which is made first where it does
/// not exist. Signers: the owner.
pub fn withdraw_balance(balance: &BuyerAccount, amount: MicroUsdc) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::WithdrawBalance {
        owner: pubkey(balance.owner),
        balance: pubkey(balance.address),
        owner_tokens: pubkey(address::token_account(balance.owner, balance.mint)),
        buyer_vault: pubkey(address::buyer_vault(balance.address)),
        token_program: token_program(),
        event_authority,
        program,
    };
    let args = millrace::WithdrawBalanceArgs { amount: amount.0 };
    let mut instructions = create_associated_token_account_idempotent(balance.owner, balance.owner, balance.mint);
    instructions.push(build(accounts, millrace::instruction::WithdrawBalance { args }));
    instructions
}
