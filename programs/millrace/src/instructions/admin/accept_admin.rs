use anchor_lang::prelude::*;

use crate::constants::CONFIG;
use crate::events::{self, AdminAccepted};
use crate::state::Config;
use crate::{clock, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct AcceptAdmin<'info> {
    /// Whom the admin proposed.
    pub pending_admin: Signer<'info>,

    #[account(mut, address = CONFIG.0, has_one = pending_admin @ MarketError::NotPendingAdmin)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,
}

impl AcceptAdmin<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let config = &mut *accounts.config.load_mut()?;
        config.rules()?;
        let next = std::mem::take(&mut config.pending_admin);
        let before = std::mem::replace(&mut config.admin, next);

        let event = AdminAccepted { before, after: config.admin, at: clock::now(&Clock::get()?)?.0 };
        events::emit(&accounts.event_authority, &event)
    }
}
