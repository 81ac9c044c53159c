use anchor_lang::prelude::{AccountMeta, Pubkey};
use anchor_lang::solana_program::instruction::Instruction;
use anchor_spl::token::spl_token;
use arbitrary::Arbitrary;

use super::amount::Amount;
use crate::market::Market;

/// Anybody may send money anywhere: into vaults, whose ledgers do not know of it, and to addresses at
/// which an account is still to be made.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Donate {
    Tokens { from: u8, to: u8, amount: Amount },
    Lamports { from: u8, to: u8, amount: u32 },
    NextLease { from: u8, job: u8, amount: u32 },
}

impl Donate {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let instruction = match self {
            Self::Tokens { from, to, amount } => {
                let (from, to) = (market.person(from), market.any_tokens(to));
                let amount = amount.of(market.chain.tokens(&from.tokens).0);
                let token = anchor_spl::token::ID;
                spl_token::instruction::transfer(&token, &from.tokens, &to, &from.address(), &[], amount).ok()?
            }
            Self::Lamports { from, to, amount } => {
                let from = market.person(from).address();
                lamports(from, market.any_address(to), amount)
            }
            Self::NextLease { from, job, amount } => {
                let (from, job) = (market.person(from).address(), market.job(job, |job| job.state < 2)?);
                lamports(from, market.chain.next_lease(&job).0, amount)
            }
        };
        Some(vec![instruction])
    }
}

/// The system program's `Transfer`, which is its third instruction.
pub fn lamports(from: Pubkey, to: Pubkey, amount: u32) -> Instruction {
    let data = [&2_u32.to_le_bytes()[..], &u64::from(amount).to_le_bytes()].concat();
    let accounts = vec![AccountMeta::new(from, true), AccountMeta::new(to, false)];
    Instruction { program_id: solana_sdk_ids::system_program::ID, accounts, data }
}
