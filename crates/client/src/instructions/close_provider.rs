use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, create_associated_token_account_idempotent, event_accounts, token_program};
use crate::accounts::ProviderAccount;
use crate::address::{self, pubkey};

/// Closes a provider that has no nodes, stake or earnings left, with its vaults; what strangers sent to them
/// goes to the owner's associated token account, which is made first where it is missing. Signers: the owner.
pub fn close_provider(provider: &ProviderAccount, mint: Address) -> Vec<Instruction> {
    let owner = provider.owner;
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::CloseProvider {
        owner: pubkey(owner),
        provider: pubkey(provider.address),
        owner_tokens: pubkey(address::token_account(owner, mint)),
        stake_vault: pubkey(address::stake_vault(provider.address)),
        earnings_vault: pubkey(address::earnings_vault(provider.address)),
        rent_payer: pubkey(provider.rent_payer),
        token_program: token_program(),
        event_authority,
        program,
    };
    let mut instructions = create_associated_token_account_idempotent(owner, owner, mint);
    instructions.push(build(accounts, millrace::instruction::CloseProvider {}));
    instructions
}
