use anchor_lang::prelude::*;

use crate::constants::CONFIG;
use crate::events::{self, AdminProposed};
use crate::state::Config;
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct ProposeAdminArgs {
    /// Becomes the admin once it signs; zeros withdraw a proposal.
    pub next: Pubkey,
}

#[event_cpi]
#[derive(Accounts)]
pub struct ProposeAdmin<'info> {
    pub admin: Signer<'info>,

    #[account(mut, address = CONFIG.0, has_one = admin @ MarketError::WrongAdmin)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,
}

impl ProposeAdmin<'_> {
    pub fn handle(ctx: Context<Self>, args: ProposeAdminArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let config = &mut *accounts.config.load_mut()?;
        config.rules()?;
        let pending_before = std::mem::replace(&mut config.pending_admin, args.next);

        let event = AdminProposed {
            admin: config.admin,
            pending_before,
            pending_after: config.pending_admin,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
