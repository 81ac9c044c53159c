use anchor_lang::prelude::*;
use millrace_protocol::{transitions, Address};

use crate::events::{self, SettledBy};
use crate::state::Quorum;
use crate::{clock, ending, round};

#[event_cpi]
#[derive(Accounts)]
pub struct SettleMember<'info> {
    pub parties: ending::LeaseParties<'info>,

    /// The round whose count judges the lease.
    #[account(mut)]
    pub quorum: AccountLoader<'info, Quorum>,
}

impl SettleMember<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        round::check(&accounts.parties.job, &accounts.quorum)?;
        let mut quorum = accounts.quorum.load()?.rules()?;
        let address = Address(accounts.parties.lease.key().to_bytes());
        let event = accounts.parties.settle(SettledBy::Count, now, None, |job, lease, provider| {
            transitions::settle_member(job, lease, provider, &mut quorum, address, now)
        })?;
        accounts.quorum.load_mut()?.update(&quorum)?;
        events::emit(&accounts.event_authority, &event)
    }
}
