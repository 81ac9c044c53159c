use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct WithdrawStake {
    provider: u8,
}

impl WithdrawStake {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let provider =
            market.provider(self.provider, |provider| provider.unbonding.iter().any(|slot| slot.amount > 0))?;
        Some(transaction(&market.chain.withdraw_stake(&provider)))
    }
}
