use anchor_lang::prelude::*;
use millrace_protocol::{Allowance, MicroUsdc, UnixSeconds};

/// How much a delegate may put into jobs, and until when.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowanceTerms {
    /// Highest deposit of one job, in micro-USDC.
    pub per_job: u64,
    /// Highest sum of all deposits, in micro-USDC.
    pub total: u64,
    /// Unix seconds; from then on the delegate opens nothing.
    pub expires_at: u64,
}

impl AllowanceTerms {
    /// The allowance under these terms.
    pub fn rules(self, spent: MicroUsdc) -> Allowance {
        Allowance {
            per_job: MicroUsdc(self.per_job),
            total: MicroUsdc(self.total),
            spent,
            expires_at: UnixSeconds(self.expires_at),
        }
    }
}
