//! What the two ways out of a dispute share: its accounts, and the lease's settlement with the
//! challenger's bond. The dispute's account goes with its lease.

use anchor_lang::prelude::*;
use millrace_protocol::transitions::Movements;
use millrace_protocol::{self as protocol, UnixSeconds};

use crate::events::{LeaseSettled, SettledBy};
use crate::state::Dispute;
use crate::{ending, tokens, MarketError};

/// A disputed lease, its dispute, and where the challenger's money goes.
#[derive(Accounts)]
pub struct DisputeParties<'info> {
    pub lease: ending::LeaseParties<'info>,

    #[account(
        mut,
        close = dispute_rent_payer,
        constraint = dispute.load()?.lease == lease.lease.key() @ MarketError::WrongDispute,
        constraint = dispute.load()?.rent_payer == dispute_rent_payer.key() @ MarketError::WrongRentPayer,
    )]
    pub dispute: AccountLoader<'info, Dispute>,

    /// CHECK: Named by the dispute; only receives the dispute's rent.
    #[account(mut)]
    pub dispute_rent_payer: UncheckedAccount<'info>,

    /// CHECK: Any token account of the challenger's: none in particular can block the end of a dispute.
    #[account(
        mut,
        constraint = tokens::mint(&challenger_tokens)? == lease.job.load()?.mint @ MarketError::WrongMint,
        constraint = tokens::owner(&challenger_tokens)? == dispute.load()?.challenger @ MarketError::WrongTokenOwner,
    )]
    pub challenger_tokens: UncheckedAccount<'info>,
}

impl DisputeParties<'_> {
    /// # Errors
    /// Those of [`ending::LeaseParties::settle`].
    pub fn settle(
        &self,
        by: SettledBy,
        now: UnixSeconds,
        transition: impl FnOnce(
            &mut protocol::Job,
            &mut protocol::Lease,
            &mut protocol::Provider,
            &protocol::Dispute,
        ) -> std::result::Result<Movements, protocol::Error>,
    ) -> Result<LeaseSettled> {
        let dispute = self.dispute.load()?.rules()?;
        self.lease.settle(by, now, Some(&self.challenger_tokens), |job, lease, provider| {
            transition(job, lease, provider, &dispute)
        })
    }
}
