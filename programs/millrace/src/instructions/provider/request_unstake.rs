use anchor_lang::prelude::*;
use millrace_protocol::MicroUsdc;

use crate::constants::CONFIG;
use crate::events::{self, UnstakeRequested};
use crate::state::{Config, Provider};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct RequestUnstakeArgs {
    /// Micro-USDC; at most what is neither locked nor on its way out.
    pub amount: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct RequestUnstake<'info> {
    #[account(address = CONFIG.0)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    pub owner: Signer<'info>,

    #[account(mut, has_one = owner @ MarketError::WrongOwner)]
    pub provider: AccountLoader<'info, Provider>,
}

impl RequestUnstake<'_> {
    pub fn handle(ctx: Context<Self>, args: RequestUnstakeArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let wait = accounts.config.load()?.rules()?.unbonding;
        let mut provider = accounts.provider.load()?.rules()?;
        let free_before = provider.stake.free().map_err(MarketError::from)?;
        let unlocks_at = provider.stake.unbond(MicroUsdc(args.amount), wait, now).map_err(MarketError::from)?;
        accounts.provider.load_mut()?.update(&provider)?;

        let event = UnstakeRequested {
            provider: accounts.provider.key(),
            owner: accounts.owner.key(),
            amount: args.amount,
            unlocks_at: unlocks_at.0,
            free_before: free_before.0,
            free_after: provider.stake.free().map_err(MarketError::from)?.0,
            stake_total: provider.stake.total.0,
            stake_locked: provider.stake.locked.0,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
