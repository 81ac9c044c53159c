use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts, token_program};
use crate::address::{self, pubkey};

/// Anyone's crank that moves the network's share of a provider's payments to `treasury`, the one in the
/// network's config. Signers: none.
pub fn sweep_fees(provider: Address, treasury: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::SweepFees {
        config: pubkey(address::config()),
        provider: pubkey(provider),
        earnings_vault: pubkey(address::earnings_vault(provider)),
        treasury: pubkey(treasury),
        token_program: token_program(),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::SweepFees {})]
}
