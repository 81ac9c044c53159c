use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{AllowanceTerms, build, event_accounts};
use crate::accounts::AllowanceAccount;
use crate::address::pubkey;

/// Other caps or another expiry; what was spent stays spent. Signers: `owner` of the balance.
pub fn change_allowance(owner: Address, allowance: &AllowanceAccount, terms: AllowanceTerms) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::ChangeAllowance {
        owner: pubkey(owner),
        balance: pubkey(allowance.buyer),
        allowance: pubkey(allowance.address),
        event_authority,
        program,
    };
    let args = millrace::ChangeAllowanceArgs { terms: terms.into() };
    vec![build(accounts, millrace::instruction::ChangeAllowance { args })]
}
