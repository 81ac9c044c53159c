use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::MicroUsdc;

use crate::deeds::amount::Amount;
use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct WithdrawBalance {
    balance: u8,
    amount: Amount,
}

impl WithdrawBalance {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let balance = market.balance(self.balance, |balance| balance.balance > 0)?;
        let amount = self.amount.of(market.ledger.balances.get(&balance.address)?.balance);
        Some(transaction(&market.chain.withdraw_balance(&balance, MicroUsdc(amount))))
    }
}
