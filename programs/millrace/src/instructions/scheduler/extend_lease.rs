use anchor_lang::prelude::*;
use millrace_protocol::{transitions, Seconds};

use crate::constants::CONFIG;
use crate::events::{self, LeaseExtended};
use crate::state::{Config, Job, Lease, Node};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct ExtendLeaseArgs {
    /// Seconds beyond those the lease has.
    pub more_seconds: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct ExtendLease<'info> {
    #[account(address = CONFIG.0)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    /// The network's scheduler, or the job's buyer.
    pub authority: Signer<'info>,

    /// Agrees to work on, at the lease's price and behind the same bond.
    pub node_key: Signer<'info>,

    #[account(mut)]
    pub job: AccountLoader<'info, Job>,

    #[account(
        mut,
        has_one = job @ MarketError::WrongJob,
        has_one = node @ MarketError::WrongNode,
    )]
    pub lease: AccountLoader<'info, Lease>,

    #[account(has_one = node_key @ MarketError::WrongNodeKey)]
    pub node: AccountLoader<'info, Node>,
}

impl ExtendLease<'_> {
    pub fn handle(ctx: Context<Self>, args: ExtendLeaseArgs) -> Result<()> {
        let accounts = ctx.accounts;
        accounts.config.load()?.rules()?;
        accounts.node.load()?.rules()?;
        let now = clock::now(&Clock::get()?)?;
        let mut job = accounts.job.load_mut()?;
        let mut lease = accounts.lease.load_mut()?;
        let authority = accounts.authority.key();
        let entitled = authority == accounts.config.load()?.scheduler || authority == job.buyer;
        require!(entitled, MarketError::WrongAuthority);

        let (mut job_rules, before) = (job.rules()?, lease.rules()?);
        let (mut after, job_reserved_before) = (before, job.reserved);
        transitions::extend_lease(&mut job_rules, &mut after, Seconds(args.more_seconds), now)
            .map_err(MarketError::from)?;
        job.update(&job_rules)?;
        lease.update(&after)?;

        let event = LeaseExtended {
            job: lease.job,
            lease: accounts.lease.key(),
            node: lease.node,
            authority,
            maximum_seconds_before: before.maximum.0,
            maximum_seconds_after: after.maximum.0,
            ends_by_before: before.ends_by.0,
            ends_by_after: after.ends_by.0,
            reserved_before: before.reserved.0,
            reserved_after: after.reserved.0,
            job_reserved_before,
            job_reserved_after: job.reserved,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
