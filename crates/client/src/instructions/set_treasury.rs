use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// Names the token account, of the network's mint, that fees are swept to. Signers: `admin`.
pub fn set_treasury(admin: Address, treasury: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::SetTreasury {
        admin: pubkey(admin),
        config: pubkey(address::config()),
        treasury: pubkey(treasury),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::SetTreasury {})]
}
