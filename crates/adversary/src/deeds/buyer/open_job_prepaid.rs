use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use super::job_wish::JobWish;
use crate::deeds::transaction;
use crate::market::Market;

/// By a balance's owner, or by a delegate.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct OpenJobPrepaid {
    balance: u8,
    /// One of the allowances, whosever balance they are of.
    allowance: Option<u8>,
    id: u8,
    attestor: Option<u8>,
    wish: JobWish,
}

impl OpenJobPrepaid {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let owned = market.balance(self.balance, |balance| balance.balance > 0)?;
        let allowed = self.allowance.and_then(|choice| market.allowance(choice));
        let (balance, delegate) = match allowed {
            Some((balance, delegate)) => (balance, Some(delegate)),
            None => (owned, None),
        };
        let id = u64::from(self.id);
        let mut call = market.chain.open_job_prepaid(&balance, delegate.as_ref(), id, self.wish.terms());
        call.data.args.attestor = self.attestor.map(|choice| market.person(choice).address());
        Some(transaction(&call))
    }
}
