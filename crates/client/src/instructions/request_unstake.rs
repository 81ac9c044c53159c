use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, MicroUsdc};

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// Puts free stake on its way out; it backs nothing meanwhile. Signers: `owner`.
pub fn request_unstake(owner: Address, amount: MicroUsdc) -> Vec<Instruction> {
    let provider = address::provider(owner);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::RequestUnstake {
        config: pubkey(address::config()),
        owner: pubkey(owner),
        provider: pubkey(provider),
        event_authority,
        program,
    };
    vec![build(
        accounts,
        millrace::instruction::RequestUnstake { args: millrace::RequestUnstakeArgs { amount: amount.0 } },
    )]
}
