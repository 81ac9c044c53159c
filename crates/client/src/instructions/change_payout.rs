use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// Names whose token account earnings go to once the delay is over; the present one withdraws a change.
/// Signers: `owner`.
pub fn change_payout(owner: Address, next: Address) -> Vec<Instruction> {
    let provider = address::provider(owner);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::ChangePayout {
        config: pubkey(address::config()),
        owner: pubkey(owner),
        provider: pubkey(provider),
        event_authority,
        program,
    };
    vec![build(
        accounts,
        millrace::instruction::ChangePayout { args: millrace::ChangePayoutArgs { next: pubkey(next) } },
    )]
}
