use anchor_lang::prelude::*;

use crate::constants::CONFIG;
use crate::events::{self, TreasurySet};
use crate::state::Config;
use crate::{clock, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct SetTreasury<'info> {
    pub admin: Signer<'info>,

    #[account(mut, address = CONFIG.0, has_one = admin @ MarketError::WrongAdmin)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    /// CHECK: Where fees are swept to from now on: a token account of the network's mint.
    #[account(constraint = tokens::mint(&treasury)? == config.load()?.mint @ MarketError::WrongMint)]
    pub treasury: UncheckedAccount<'info>,
}

impl SetTreasury<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let config = &mut *accounts.config.load_mut()?;
        config.rules()?;
        let before = std::mem::replace(&mut config.treasury, accounts.treasury.key());

        let event = TreasurySet { before, after: config.treasury, at: clock::now(&Clock::get()?)?.0 };
        events::emit(&accounts.event_authority, &event)
    }
}
