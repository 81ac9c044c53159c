use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::MicroUsdc;

use crate::deeds::amount::Amount;
use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct AddStake {
    provider: u8,
    amount: Amount,
}

impl AddStake {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let provider = market.provider(self.provider, |_| true)?;
        let amount = self.amount.of(market.chain.tokens(&provider.owner.tokens).0);
        Some(transaction(&market.chain.add_stake(&provider, MicroUsdc(amount))))
    }
}
