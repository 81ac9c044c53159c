use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::{seeds, Address};

use crate::events::{self, EarningsWithdrawn};
use crate::state::Provider;
use crate::{clock, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct WithdrawEarnings<'info> {
    /// The provider's owner, or the payout owner that counts now.
    pub authority: Signer<'info>,

    #[account(mut, has_one = earnings_vault @ MarketError::WrongVault)]
    pub provider: AccountLoader<'info, Provider>,

    /// CHECK: Where the money goes: any token account of the payout owner that counts now.
    #[account(
        mut,
        constraint = tokens::mint(&payout_account)? == tokens::mint(&earnings_vault)? @ MarketError::WrongMint,
    )]
    pub payout_account: UncheckedAccount<'info>,

    /// CHECK: Named by the provider.
    #[account(mut)]
    pub earnings_vault: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl WithdrawEarnings<'_> {
    fn validate(&self) -> Result<()> {
        let provider = self.provider.load()?;
        let Address(current) = provider.payout().current(clock::now(&Clock::get()?)?);
        let signer = self.authority.key();
        require!(signer == provider.owner || signer.to_bytes() == current, MarketError::WrongOwner);
        require!(tokens::owner(&self.payout_account)?.to_bytes() == current, MarketError::WrongPayoutOwner);
        Ok(())
    }

    #[access_control(ctx.accounts.validate())]
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let at = clock::now(&Clock::get()?)?.0;
        let mut provider = accounts.provider.load()?.rules()?;
        let amount = provider.earnings.withdraw().map_err(MarketError::from)?;
        accounts.provider.load_mut()?.update(&provider)?;

        let (payout, vault) = (&accounts.payout_account, &accounts.earnings_vault);
        let (payout_before, earnings_vault_before) = (tokens::balance(payout)?, tokens::balance(vault)?);
        let account = accounts.provider.load()?;
        let signer: &[&[u8]] = &[seeds::PROVIDER, account.owner.as_ref(), &[account.bump]];
        tokens::transfer(vault, payout, accounts.provider.as_ref(), amount, &[signer])?;
        let (payout_after, earnings_vault_after) = (tokens::balance(payout)?, tokens::balance(vault)?);
        tokens::check_vault(earnings_vault_after, provider.earnings.total().map_err(MarketError::from)?)?;

        let event = EarningsWithdrawn {
            provider: accounts.provider.key(),
            payout_owner: tokens::owner(payout)?,
            payout_account: payout.key(),
            amount: amount.0,
            payout_before: payout_before.0,
            payout_after: payout_after.0,
            earnings_vault_before: earnings_vault_before.0,
            earnings_vault_after: earnings_vault_after.0,
            at,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
