use anchor_lang::prelude::*;

use crate::constants::CONFIG;
use crate::events::{self, ProviderStatusSet};
use crate::state::{Config, Provider};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct SetProviderStatusArgs {
    /// Whether the provider's nodes take no further leases; those under way go on.
    pub draining: bool,
}

#[event_cpi]
#[derive(Accounts)]
pub struct SetProviderStatus<'info> {
    #[account(address = CONFIG.0)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    pub owner: Signer<'info>,

    #[account(mut, has_one = owner @ MarketError::WrongOwner)]
    pub provider: AccountLoader<'info, Provider>,
}

impl SetProviderStatus<'_> {
    pub fn handle(ctx: Context<Self>, args: SetProviderStatusArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let floor = accounts.config.load()?.rules()?.delist_floor;
        let provider = &mut *accounts.provider.load_mut()?;
        let before = provider.status;
        let mut rules = provider.rules()?;
        match args.draining {
            true => rules.drain(),
            false => rules.resume(floor, now),
        }
        .map_err(MarketError::from)?;
        provider.update(&rules)?;

        let event = ProviderStatusSet { provider: accounts.provider.key(), before, after: provider.status, at: now.0 };
        events::emit(&accounts.event_authority, &event)
    }
}
