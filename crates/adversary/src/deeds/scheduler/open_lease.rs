use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::seldom::Seldom;
use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct OpenLease {
    job: u8,
    node: u8,
    /// Sixteenths of the longest lease the job allows; none is the whole, more than sixteen is too long.
    part: Seldom<u8>,
    /// Another price than the posted one.
    price: Seldom<u64>,
    by: By,
    rent_payer: Seldom<u8>,
}

/// Who chose the node.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum By {
    Scheduler,
    Auction(u8),
    Buyer,
}

impl OpenLease {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let job = market.job(self.job, |job| job.state < 2 && job.live_leases < job.terms.concurrent_leases)?;
        let node = market.node(self.node, |node| u32::from(node.leased) < u32::from(node.hardware.gpu_count))?;
        let mut call = market.chain.open_lease(&job, &node);
        let (terms, state) = (&market.ledger.jobs[&job.address].terms, &market.ledger.nodes[&node.address]);
        let args = &mut call.data.args;
        if let Some(part) = self.part.0 {
            args.maximum_seconds = args.maximum_seconds.saturating_mul(u64::from(part % 18)) / 16;
        }
        args.price = self.price.0.unwrap_or(if terms.spot != 0 { state.spot_price } else { state.price });
        match self.by {
            By::Scheduler => {}
            By::Auction(root) => args.bid_book_root = [root; 32],
            By::Buyer => {
                call.accounts.authority = job.buyer.address();
                call.accounts.rent_payer = job.buyer.address();
            }
        }
        if let Some(choice) = self.rent_payer.0 {
            call.accounts.rent_payer = market.person(choice).address();
        }
        Some(transaction(&call))
    }
}
