use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::Environment;

use super::job_wish::JobWish;
use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct OpenJob {
    buyer: u8,
    /// Pays in the buyer's place.
    funder: Option<u8>,
    id: u8,
    /// Vouches for the job itself, in the scheduler's place.
    attestor: Option<u8>,
    wish: JobWish,
}

impl OpenJob {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let buyer = market.merchant(self.buyer);
        let funder = self.funder.map_or(buyer, |choice| market.person(choice));
        let id = u64::from(self.id);
        let job = Environment::job_of(buyer, funder, id);
        let mut call = market.chain.open_job(&job, id, self.wish.terms());
        call.data.args.attestor = self.attestor.map(|choice| market.person(choice).address());
        Some(transaction(&call))
    }
}
