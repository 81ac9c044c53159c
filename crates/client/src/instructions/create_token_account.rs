use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
use millrace_protocol::Address;

use super::{system_program, token_program};
use crate::address::{pubkey, token_account};

/// The associated token program's instruction that succeeds also where the account exists.
const CREATE_IDEMPOTENT: u8 = 1;

/// Makes `owner`'s associated token account unless it exists. Signers: `payer`, of its rent.
pub fn create_associated_token_account_idempotent(payer: Address, owner: Address, mint: Address) -> Vec<Instruction> {
    let accounts = vec![
        AccountMeta::new(pubkey(payer), true),
        AccountMeta::new(pubkey(token_account(owner, mint)), false),
        AccountMeta::new_readonly(pubkey(owner), false),
        AccountMeta::new_readonly(pubkey(mint), false),
        AccountMeta::new_readonly(system_program(), false),
        AccountMeta::new_readonly(token_program(), false),
    ];
    vec![Instruction { program_id: anchor_spl::associated_token::ID, accounts, data: vec![CREATE_IDEMPOTENT] }]
}
