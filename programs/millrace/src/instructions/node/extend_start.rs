use anchor_lang::prelude::*;
use millrace_protocol::transitions;

use crate::events::{self, LeaseStartExtended};
use crate::state::{Lease, Node};
use crate::{clock, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct ExtendStart<'info> {
    pub node_key: Signer<'info>,

    #[account(has_one = node_key @ MarketError::WrongNodeKey)]
    pub node: AccountLoader<'info, Node>,

    #[account(mut, has_one = node @ MarketError::WrongNode)]
    pub lease: AccountLoader<'info, Lease>,
}

impl ExtendStart<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let mut lease = accounts.lease.load_mut()?;
        let before = lease.rules()?;
        let mut after = before;
        transitions::extend_start(&mut after, now).map_err(MarketError::from)?;
        lease.update(&after)?;

        let event = LeaseStartExtended {
            job: lease.job,
            lease: accounts.lease.key(),
            node: lease.node,
            start_by_before: before.start_by.0,
            start_by_after: after.start_by.0,
            ends_by_before: before.ends_by.0,
            ends_by_after: after.ends_by.0,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
