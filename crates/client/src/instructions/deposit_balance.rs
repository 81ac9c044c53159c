use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, MicroUsdc};

use super::{build, event_accounts, token_program};
use crate::accounts::BuyerAccount;
use crate::address::{self, pubkey};

/// Moves money from `payer`'s associated token account into a balance. Signers: `payer`.
pub fn deposit_balance(payer: Address, balance: &BuyerAccount, amount: MicroUsdc) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::DepositBalance {
        payer: pubkey(payer),
        balance: pubkey(balance.address),
        payer_tokens: pubkey(address::token_account(payer, balance.mint)),
        buyer_vault: pubkey(address::buyer_vault(balance.address)),
        token_program: token_program(),
        event_authority,
        program,
    };
    let args = millrace::DepositBalanceArgs { amount: amount.0 };
    vec![build(accounts, millrace::instruction::DepositBalance { args })]
}
