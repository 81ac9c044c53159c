use anchor_lang::prelude::*;
use millrace_protocol::transitions;

use crate::events::{self, SettledBy};
use crate::{clock, ending};

#[event_cpi]
#[derive(Accounts)]
pub struct FinalizeLease<'info> {
    pub parties: ending::LeaseParties<'info>,
}

impl FinalizeLease<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let event = accounts.parties.settle(SettledBy::WindowOver, now, None, |job, lease, provider| {
            transitions::finalize_lease(job, lease, provider, now)
        })?;
        events::emit(&accounts.event_authority, &event)
    }
}
