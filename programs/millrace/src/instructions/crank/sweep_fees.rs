use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::seeds;

use crate::constants::CONFIG;
use crate::events::{self, FeesSwept};
use crate::state::{Config, Provider};
use crate::{clock, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct SweepFees<'info> {
    #[account(address = CONFIG.0, has_one = treasury @ MarketError::WrongTreasury)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    #[account(mut, has_one = earnings_vault @ MarketError::WrongVault)]
    pub provider: AccountLoader<'info, Provider>,

    /// CHECK: Named by the provider.
    #[account(mut)]
    pub earnings_vault: UncheckedAccount<'info>,

    /// CHECK: Named by the configuration. Were it the vault itself, what is swept would be on nobody's books.
    #[account(mut, constraint = treasury.key() != earnings_vault.key() @ MarketError::WrongTreasury)]
    pub treasury: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl SweepFees<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        accounts.config.load()?.rules()?;
        let mut provider = accounts.provider.load()?.rules()?;
        let amount = provider.earnings.sweep().map_err(MarketError::from)?;
        accounts.provider.load_mut()?.update(&provider)?;

        let (vault, treasury) = (&accounts.earnings_vault, &accounts.treasury);
        let (earnings_vault_before, treasury_before) = (tokens::balance(vault)?, tokens::balance(treasury)?);
        let account = accounts.provider.load()?;
        let signer: &[&[u8]] = &[seeds::PROVIDER, account.owner.as_ref(), &[account.bump]];
        tokens::transfer(vault, treasury, accounts.provider.as_ref(), amount, &[signer])?;
        let (earnings_vault_after, treasury_after) = (tokens::balance(vault)?, tokens::balance(treasury)?);
        tokens::check_vault(earnings_vault_after, provider.earnings.total().map_err(MarketError::from)?)?;

        let event = FeesSwept {
            provider: accounts.provider.key(),
            treasury: treasury.key(),
            amount: amount.0,
            earnings_vault_before: earnings_vault_before.0,
            earnings_vault_after: earnings_vault_after.0,
            treasury_before: treasury_before.0,
            treasury_after: treasury_after.0,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
