use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::MicroUsdc;

use crate::events::{self, StakeAdded};
use crate::state::Provider;
use crate::{clock, tokens, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct AddStakeArgs {
    /// Micro-USDC.
    pub amount: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct AddStake<'info> {
    pub owner: Signer<'info>,

    #[account(
        mut,
        has_one = owner @ MarketError::WrongOwner,
        has_one = stake_vault @ MarketError::WrongVault,
    )]
    pub provider: AccountLoader<'info, Provider>,

    /// CHECK: Where the money comes from: a token account of the owner's.
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

impl AddStake<'_> {
    pub fn handle(ctx: Context<Self>, args: AddStakeArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let amount = MicroUsdc(args.amount);
        let mut provider = accounts.provider.load()?.rules()?;
        provider.stake.add(amount).map_err(MarketError::from)?;
        accounts.provider.load_mut()?.update(&provider)?;

        let (owner_tokens, stake_vault) = (&accounts.owner_tokens, &accounts.stake_vault);
        let (owner_before, stake_vault_before) = (tokens::balance(owner_tokens)?, tokens::balance(stake_vault)?);
        tokens::transfer(owner_tokens, stake_vault, &accounts.owner, amount, &[])?;
        let (owner_after, stake_vault_after) = (tokens::balance(owner_tokens)?, tokens::balance(stake_vault)?);
        tokens::check_vault(stake_vault_after, provider.stake.total)?;

        let event = StakeAdded {
            provider: accounts.provider.key(),
            owner: accounts.owner.key(),
            amount: args.amount,
            owner_before: owner_before.0,
            owner_after: owner_after.0,
            stake_vault_before: stake_vault_before.0,
            stake_vault_after: stake_vault_after.0,
            stake_locked: provider.stake.locked.0,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
