use anchor_lang::prelude::*;
use millrace_protocol::transitions;

use crate::events::JobExpired;
use crate::state::Job;
use crate::{clock, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct ExpireJob<'info> {
    #[account(mut)]
    pub job: Box<Account<'info, Job>>,
}

impl ExpireJob<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let job = &mut ctx.accounts.job;
        let now = clock::now(&Clock::get()?)?;
        let mut rules = job.rules().map_err(MarketError::from)?;
        transitions::expire_job(&mut rules, now).map_err(MarketError::from)?;
        job.update(&rules)?;
        let event = JobExpired {
            job: job.key(),
            buyer: job.buyer,
            vault: rules.vault_balance().map_err(MarketError::from)?.0,
            at: now.0,
        };
        emit_cpi!(event);
        Ok(())
    }
}
