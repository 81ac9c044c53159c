use anchor_lang::prelude::*;
use millrace_protocol::transitions;

use crate::constants::CONFIG;
use crate::events::{self, PreemptionNoticed};
use crate::state::{Config, Job, Lease};
use crate::{clock, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct NoticePreemption<'info> {
    #[account(address = CONFIG.0, has_one = scheduler @ MarketError::WrongScheduler)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    pub scheduler: Signer<'info>,

    pub job: AccountLoader<'info, Job>,

    #[account(mut, has_one = job @ MarketError::WrongJob)]
    pub lease: AccountLoader<'info, Lease>,
}

impl NoticePreemption<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let parameters = accounts.config.load()?.rules()?;
        let job = accounts.job.load()?.rules()?;
        let mut lease = accounts.lease.load_mut()?;
        let mut rules = lease.rules()?;
        transitions::notice_preemption(&job, &mut rules, &parameters, now).map_err(MarketError::from)?;
        lease.update(&rules)?;

        let event = PreemptionNoticed {
            job: lease.job,
            lease: accounts.lease.key(),
            node: lease.node,
            preempted_at: lease.preempted_at,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
