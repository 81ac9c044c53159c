use anchor_lang::prelude::*;
use millrace_protocol::transitions;

use crate::events::{self, SettledBy};
use crate::state::{Node, Quorum};
use crate::{clock, ending, round, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct ExpireLease<'info> {
    pub parties: ending::LeaseParties<'info>,

    #[account(mut, constraint = node.key() == parties.lease.load()?.node @ MarketError::WrongNode)]
    pub node: AccountLoader<'info, Node>,

    /// The round that the lease leaves; none for a job without a quorum.
    #[account(mut)]
    pub quorum: Option<AccountLoader<'info, Quorum>>,
}

impl ExpireLease<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let mut node = accounts.node.load()?.rules()?;
        let event = accounts.parties.settle(SettledBy::Deadline, now, None, |job, lease, provider| {
            transitions::expire_lease(job, lease, &mut node, provider, now)
        })?;
        accounts.node.load_mut()?.update(&node)?;
        round::leave(&accounts.parties.job, accounts.quorum.as_ref(), event.lease, now)?;
        events::emit(&accounts.event_authority, &event)
    }
}
