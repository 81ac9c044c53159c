use anchor_lang::prelude::*;
use millrace_protocol::transitions;

use crate::events::{self, JobExpired};
use crate::state::Job;
use crate::{clock, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct ExpireJob<'info> {
    #[account(mut)]
    pub job: AccountLoader<'info, Job>,
}

impl ExpireJob<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let job = &mut *accounts.job.load_mut()?;
        let mut rules = job.rules()?;
        transitions::expire_job(&mut rules, now).map_err(MarketError::from)?;
        job.update(&rules)?;

        let event = JobExpired {
            job: accounts.job.key(),
            buyer: job.buyer,
            vault: rules.vault_balance().map_err(MarketError::from)?.0,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
