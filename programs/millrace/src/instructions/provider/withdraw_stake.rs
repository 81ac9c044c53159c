use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::seeds;

use crate::events::{self, StakeWithdrawn};
use crate::state::Provider;
use crate::{clock, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct WithdrawStake<'info> {
    pub owner: Signer<'info>,

    #[account(
        mut,
        has_one = owner @ MarketError::WrongOwner,
        has_one = stake_vault @ MarketError::WrongVault,
    )]
    pub provider: AccountLoader<'info, Provider>,

    /// CHECK: Where the money goes: any token account of the owner's.
    #[account(
        mut,
        constraint = tokens::mint(&owner_tokens)? == tokens::mint(&stake_vault)? @ MarketError::WrongMint,
        constraint = tokens::owner(&owner_tokens)? == owner.key() @ MarketError::WrongTokenOwner,
    )]
    pub owner_tokens: UncheckedAccount<'info>,

    /// CHECK: Named by the provider.
    #[account(mut)]
    pub stake_vault: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl WithdrawStake<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let mut provider = accounts.provider.load()?.rules()?;
        let amount = provider.stake.withdraw(now).map_err(MarketError::from)?;
        accounts.provider.load_mut()?.update(&provider)?;

        let (owner_tokens, stake_vault) = (&accounts.owner_tokens, &accounts.stake_vault);
        let (owner_before, stake_vault_before) = (tokens::balance(owner_tokens)?, tokens::balance(stake_vault)?);
        let bump = accounts.provider.load()?.bump;
        let signer: &[&[u8]] = &[seeds::PROVIDER, accounts.owner.key.as_ref(), &[bump]];
        tokens::transfer(stake_vault, owner_tokens, accounts.provider.as_ref(), amount, &[signer])?;
        let (owner_after, stake_vault_after) = (tokens::balance(owner_tokens)?, tokens::balance(stake_vault)?);
        tokens::check_vault(stake_vault_after, provider.stake.total)?;

        let event = StakeWithdrawn {
            provider: accounts.provider.key(),
            owner: accounts.owner.key(),
            amount: amount.0,
            owner_before: owner_before.0,
            owner_after: owner_after.0,
            stake_vault_before: stake_vault_before.0,
            stake_vault_after: stake_vault_after.0,
            stake_locked: provider.stake.locked.0,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
