use anchor_lang::prelude::*;
use millrace_protocol::transitions;

use crate::events::{self, SettledBy};
use crate::{clock, ending, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct AcceptLease<'info> {
    #[account(constraint = buyer.key() == parties.job.load()?.buyer @ MarketError::WrongBuyer)]
    pub buyer: Signer<'info>,

    pub parties: ending::LeaseParties<'info>,
}

impl AcceptLease<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let event = accounts.parties.settle(SettledBy::Acceptance, now, None, |job, lease, provider| {
            transitions::accept_lease(job, lease, provider, now)
        })?;
        events::emit(&accounts.event_authority, &event)
    }
}
