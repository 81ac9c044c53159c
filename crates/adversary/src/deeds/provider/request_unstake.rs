use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::MicroUsdc;

use crate::deeds::amount::Amount;
use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct RequestUnstake {
    provider: u8,
    amount: Amount,
}

impl RequestUnstake {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let provider = market.provider(self.provider, |provider| provider.stake_total > provider.stake_locked)?;
        let state = &market.ledger.providers[&provider.address];
        let unbonding: u64 = state.unbonding.iter().map(|slot| slot.amount).sum();
        let free = state.stake_total - state.stake_locked - unbonding;
        Some(transaction(&market.chain.request_unstake(&provider, MicroUsdc(self.amount.of(free)))))
    }
}
