use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts, system_program, token_program};
use crate::address::{self, pubkey};

/// Opens a prepaid balance of `mint`. Signers: `owner`, who pays the rent.
pub fn open_buyer(owner: Address, mint: Address) -> Vec<Instruction> {
    let (balance, buyer_bump) = address::find_buyer(owner);
    let (buyer_vault, buyer_vault_bump) = address::find_buyer_vault(balance);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::OpenBuyer {
        config: pubkey(address::config()),
        owner: pubkey(owner),
        balance: pubkey(balance),
        mint: pubkey(mint),
        buyer_vault: pubkey(buyer_vault),
        token_program: token_program(),
        system_program: system_program(),
        event_authority,
        program,
    };
    let args = millrace::OpenBuyerArgs { buyer_bump, buyer_vault_bump };
    vec![build(accounts, millrace::instruction::OpenBuyer { args })]
}
