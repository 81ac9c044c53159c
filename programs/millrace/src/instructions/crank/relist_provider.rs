use anchor_lang::prelude::*;

use crate::constants::CONFIG;
use crate::events::{self, ProviderRelisted};
use crate::state::{Config, Provider};
use crate::{clock, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct RelistProvider<'info> {
    #[account(address = CONFIG.0)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    #[account(mut)]
    pub provider: AccountLoader<'info, Provider>,
}

impl RelistProvider<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let floor = accounts.config.load()?.rules()?.delist_floor;
        let provider = &mut *accounts.provider.load_mut()?;
        let status_before = provider.status;
        let mut rules = provider.rules()?;
        rules.relist(floor, now).map_err(MarketError::from)?;
        provider.update(&rules)?;

        let event = ProviderRelisted {
            provider: accounts.provider.key(),
            owner: provider.owner,
            score_bps: rules.reputation.score(now).0,
            floor_bps: floor.0,
            status_before,
            status_after: provider.status,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
