use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::{seeds, MicroUsdc};

use crate::events::{self, ProviderClosed};
use crate::state::Provider;
use crate::{clock, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseProvider<'info> {
    pub owner: Signer<'info>,

    #[account(
        mut,
        close = rent_payer,
        has_one = owner @ MarketError::WrongOwner,
        has_one = stake_vault @ MarketError::WrongVault,
        has_one = earnings_vault @ MarketError::WrongVault,
        has_one = rent_payer @ MarketError::WrongRentPayer,
    )]
    pub provider: AccountLoader<'info, Provider>,

    /// CHECK: Any token account of the owner's; gets what strangers sent to the vaults.
    #[account(
        mut,
        constraint = tokens::mint(&owner_tokens)? == tokens::mint(&stake_vault)? @ MarketError::WrongMint,
        constraint = tokens::owner(&owner_tokens)? == owner.key() @ MarketError::WrongTokenOwner,
    )]
    pub owner_tokens: UncheckedAccount<'info>,

    /// CHECK: Named by the provider; emptied and closed.
    #[account(mut)]
    pub stake_vault: UncheckedAccount<'info>,

    /// CHECK: Named by the provider; emptied and closed.
    #[account(mut)]
    pub earnings_vault: UncheckedAccount<'info>,

    /// CHECK: Named by the provider; only receives the rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl<'info> CloseProvider<'info> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let provider = accounts.provider.load()?;
        let rules = provider.rules()?;
        rules.check_may_close().map_err(MarketError::from)?;

        let owner_before = tokens::balance(&accounts.owner_tokens)?;
        let (stake_vault_before, stake_vault_after) = accounts.empty(&accounts.stake_vault, provider.bump)?;
        let (earnings_vault_before, earnings_vault_after) = accounts.empty(&accounts.earnings_vault, provider.bump)?;

        let event = ProviderClosed {
            provider: accounts.provider.key(),
            owner: provider.owner,
            staked: rules.stake.paid_in.0,
            slashed: rules.stake.slashed.0,
            stake_withdrawn: rules.stake.withdrawn.0,
            earnings_received: rules.earnings.received.0,
            earnings_withdrawn: rules.earnings.withdrawn.0,
            earnings_swept: rules.earnings.swept.0,
            stake_vault_before: stake_vault_before.0,
            stake_vault_after: stake_vault_after.0,
            earnings_vault_before: earnings_vault_before.0,
            earnings_vault_after: earnings_vault_after.0,
            owner_before: owner_before.0,
            owner_after: tokens::balance(&accounts.owner_tokens)?.0,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }

    /// Nothing in the vault is on the books; a stranger's micro-USDC must not keep it from closing. Returns
    /// what was in it and what is left.
    fn empty(&self, vault: &AccountInfo<'info>, bump: u8) -> Result<(MicroUsdc, MicroUsdc)> {
        let signer: &[&[u8]] = &[seeds::PROVIDER, self.owner.key.as_ref(), &[bump]];
        let authority = self.provider.as_ref();
        let before = tokens::balance(vault)?;
        tokens::transfer(vault, &self.owner_tokens, authority, before, &[signer])?;
        let after = tokens::balance(vault)?;
        tokens::close(vault, &self.rent_payer, authority, &[signer])?;
        Ok((before, after))
    }
}
