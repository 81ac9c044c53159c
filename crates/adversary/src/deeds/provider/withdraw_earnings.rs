use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

/// By the owner or by the payout owner that counts now, to any token account of that one.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct WithdrawEarnings {
    provider: u8,
    by_owner: bool,
    to: u8,
}

impl WithdrawEarnings {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let provider = market.provider(self.provider, |provider| provider.earnings_owner > 0)?;
        let state = &market.ledger.providers[&provider.address];
        let payee = Pubkey::new_from_array(state.payout().current(market.chain.now()).0);
        let mut call = market.chain.withdraw_earnings(&provider);
        call.accounts.payout_account = market.tokens_of(&payee, self.to);
        if !self.by_owner {
            call.accounts.authority = payee;
        }
        Some(transaction(&call))
    }
}
