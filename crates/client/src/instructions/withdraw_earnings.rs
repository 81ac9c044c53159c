use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, UnixSeconds};

use super::{build, create_associated_token_account_idempotent, event_accounts, token_program};
use crate::accounts::ProviderAccount;
use crate::address::{self, pubkey};

/// Pays everything that the provider earned out to the associated token account of the payout owner that
/// counts at `now`, which is made first where it is missing. Signers: `authority`, the provider's owner or
/// that payout owner.
pub fn withdraw_earnings(
    authority: Address,
    provider: &ProviderAccount,
    mint: Address,
    now: UnixSeconds,
) -> Vec<Instruction> {
    let payout_owner = provider.payout.current(now);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::WithdrawEarnings {
        authority: pubkey(authority),
        provider: pubkey(provider.address),
        payout_account: pubkey(address::token_account(payout_owner, mint)),
        earnings_vault: pubkey(address::earnings_vault(provider.address)),
        token_program: token_program(),
        event_authority,
        program,
    };
    let mut instructions = create_associated_token_account_idempotent(authority, payout_owner, mint);
    instructions.push(build(accounts, millrace::instruction::WithdrawEarnings {}));
    instructions
}
