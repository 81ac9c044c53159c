use anchor_lang::prelude::*;

use crate::constants::CONFIG;
use crate::events::{self, SchedulerSet};
use crate::state::Config;
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct SetSchedulerArgs {
    pub scheduler: Pubkey,
}

#[event_cpi]
#[derive(Accounts)]
pub struct SetScheduler<'info> {
    pub admin: Signer<'info>,

    #[account(mut, address = CONFIG.0, has_one = admin @ MarketError::WrongAdmin)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,
}

impl SetScheduler<'_> {
    pub fn handle(ctx: Context<Self>, args: SetSchedulerArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let config = &mut *accounts.config.load_mut()?;
        config.rules()?;
        let before = std::mem::replace(&mut config.scheduler, args.scheduler);

        let event = SchedulerSet { before, after: config.scheduler, at: clock::now(&Clock::get()?)?.0 };
        events::emit(&accounts.event_authority, &event)
    }
}
