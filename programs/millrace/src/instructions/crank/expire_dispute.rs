use anchor_lang::prelude::*;
use millrace_protocol::transitions;

use crate::events::{self, SettledBy};
use crate::{clock, disputes};

#[event_cpi]
#[derive(Accounts)]
pub struct ExpireDispute<'info> {
    pub parties: disputes::DisputeParties<'info>,
}

impl ExpireDispute<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let event = accounts.parties.settle(SettledBy::ArbiterSilent, now, |job, lease, provider, dispute| {
            transitions::expire_dispute(job, lease, provider, dispute, now)
        })?;
        events::emit(&accounts.event_authority, &event)
    }
}
