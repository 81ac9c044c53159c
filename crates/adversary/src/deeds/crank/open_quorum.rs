use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::{Error, JobTerms};

use crate::deeds::transaction;
use crate::market::Market;

/// Whoever pays for the round.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct OpenQuorum {
    job: u8,
    payer: Option<u8>,
}

impl OpenQuorum {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let counted = |terms: Result<JobTerms, Error>| terms.is_ok_and(|terms| terms.verification.is_quorum());
        let job = market.job(self.job, |job| job.quorum_open == 0 && job.state < 2 && counted(job.terms.try_into()))?;
        let mut call = market.chain.open_round(&job);
        if let Some(choice) = self.payer {
            call.accounts.payer = market.person(choice).address();
        }
        Some(transaction(&call))
    }
}
