use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::MicroUsdc;

use crate::deeds::amount::Amount;
use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct DepositBalance {
    payer: u8,
    balance: u8,
    amount: Amount,
}

impl DepositBalance {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let (payer, balance) = (market.person(self.payer), market.balance(self.balance, |_| true)?);
        let amount = self.amount.of(market.chain.tokens(&payer.tokens).0);
        Some(transaction(&market.chain.deposit_balance(payer, &balance, MicroUsdc(amount))))
    }
}
