use anchor_lang::prelude::*;
use anchor_spl::token::{Token, TokenAccount};
use millrace_protocol::{seeds, MicroUsdc};

use crate::events::StakeAdded;
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

    #[account(mut, has_one = owner @ MarketError::WrongOwner)]
    pub provider: Box<Account<'info, Provider>>,

    /// Where the money comes from.
    #[account(
        mut,
        constraint = owner_tokens.mint == stake_vault.mint @ MarketError::WrongMint,
        constraint = owner_tokens.owner == owner.key() @ MarketError::WrongTokenOwner,
    )]
    pub owner_tokens: Box<Account<'info, TokenAccount>>,

    #[account(
        mut,
        seeds = [seeds::STAKE_VAULT, provider.key().as_ref()],
        bump = provider.stake_vault_bump,
    )]
    pub stake_vault: Box<Account<'info, TokenAccount>>,

    pub token_program: Program<'info, Token>,
}

impl AddStake<'_> {
    pub fn handle(ctx: Context<Self>, args: AddStakeArgs) -> Result<()> {
        let accounts = &mut *ctx.accounts;
        let amount = MicroUsdc(args.amount);
        let (owner_before, stake_vault_before) = (accounts.owner_tokens.amount, accounts.stake_vault.amount);

        let mut stake = accounts.provider.stake();
        stake.add(amount).map_err(MarketError::from)?;
        let owner = accounts.owner.to_account_info();
        tokens::transfer(&mut accounts.owner_tokens, &mut accounts.stake_vault, owner, amount, &[])?;
        accounts.provider.update_stake(&stake)?;
        tokens::check_vault(&accounts.stake_vault, stake.total)?;

        let event = StakeAdded {
            provider: accounts.provider.key(),
            owner: accounts.owner.key(),
            amount: args.amount,
            owner_before,
            owner_after: accounts.owner_tokens.amount,
            stake_vault_before,
            stake_vault_after: accounts.stake_vault.amount,
            stake_locked: stake.locked.0,
            at: clock::now(&Clock::get()?)?.0,
        };
        emit_cpi!(event);
        Ok(())
    }
}
