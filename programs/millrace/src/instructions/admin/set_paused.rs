use anchor_lang::prelude::*;

use crate::constants::CONFIG;
use crate::events::{self, PausedSet};
use crate::state::Config;
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct SetPausedArgs {
    /// Whether the network takes no new jobs; everything under way goes on.
    pub paused: bool,
}

#[event_cpi]
#[derive(Accounts)]
pub struct SetPaused<'info> {
    pub admin: Signer<'info>,

    #[account(mut, address = CONFIG.0, has_one = admin @ MarketError::WrongAdmin)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,
}

impl SetPaused<'_> {
    pub fn handle(ctx: Context<Self>, args: SetPausedArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let config = &mut *accounts.config.load_mut()?;
        config.rules()?;
        let before = std::mem::replace(&mut config.paused, args.paused.into()) != 0;

        let event = PausedSet { before, after: args.paused, at: clock::now(&Clock::get()?)?.0 };
        events::emit(&accounts.event_authority, &event)
    }
}
