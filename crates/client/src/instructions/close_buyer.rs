use anchor_lang::solana_program::instruction::Instruction;

use super::{build, create_associated_token_account_idempotent, event_accounts, token_program};
use crate::accounts::BuyerAccount;
use crate::address::{self, pubkey};

/// Closes a balance that is empty and that no job and no delegate depends on. Signers: the owner.
pub fn close_buyer(balance: &BuyerAccount) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::CloseBuyer {
        owner: pubkey(balance.owner),
        balance: pubkey(balance.address),
        buyer_vault: pubkey(address::buyer_vault(balance.address)),
        owner_tokens: pubkey(address::token_account(balance.owner, balance.mint)),
        rent_payer: pubkey(balance.rent_payer),
        token_program: token_program(),
        event_authority,
        program,
    };
    let mut instructions = create_associated_token_account_idempotent(balance.owner, balance.owner, balance.mint);
    instructions.push(build(accounts, millrace::instruction::CloseBuyer {}));
    instructions
}
