use anchor_lang::prelude::*;
use millrace_protocol::transitions;

use crate::events::JobCancelled;
use crate::state::Job;
use crate::{clock, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct CancelJob<'info> {
    pub buyer: Signer<'info>,

    #[account(mut, has_one = buyer @ MarketError::WrongBuyer)]
    pub job: Box<Account<'info, Job>>,
}

impl CancelJob<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let job = &mut ctx.accounts.job;
        let now = clock::now(&Clock::get()?)?;
        let mut rules = job.rules().map_err(MarketError::from)?;
        transitions::cancel_job(&mut rules, now).map_err(MarketError::from)?;
        job.update(&rules)?;
        let event = JobCancelled {
            job: job.key(),
            buyer: job.buyer,
            state: job.state,
            live_leases: job.live_leases,
            vault: rules.vault_balance().map_err(MarketError::from)?.0,
            at: now.0,
        };
        emit_cpi!(event);
        Ok(())
    }
}
