use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::accounts::AllowanceAccount;
use crate::address::pubkey;

/// Takes a delegate's allowance away. Signers: `owner` of the balance.
pub fn close_allowance(owner: Address, allowance: &AllowanceAccount) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::CloseAllowance {
        owner: pubkey(owner),
        balance: pubkey(allowance.buyer),
        allowance: pubkey(allowance.address),
        rent_payer: pubkey(allowance.rent_payer),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::CloseAllowance {})]
}
