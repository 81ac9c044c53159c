use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::{seeds, MicroUsdc};

use crate::events::{self, BalanceMoved};
use crate::state::Buyer;
use crate::{clock, tokens, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct WithdrawBalanceArgs {
    /// Micro-USDC.
    pub amount: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct WithdrawBalance<'info> {
    pub owner: Signer<'info>,

    #[account(
        mut,
        has_one = owner @ MarketError::WrongBuyer,
        has_one = buyer_vault @ MarketError::WrongVault,
    )]
    pub balance: AccountLoader<'info, Buyer>,

    /// CHECK: Where the money goes: a token account of the owner's.
    #[account(
        mut,
        constraint = tokens::mint(&owner_tokens)? == balance.load()?.mint @ MarketError::WrongMint,
        constraint = tokens::owner(&owner_tokens)? == owner.key() @ MarketError::WrongTokenOwner,
    )]
    pub owner_tokens: UncheckedAccount<'info>,

    /// CHECK: Named by the balance.
    #[account(mut)]
    pub buyer_vault: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl WithdrawBalance<'_> {
    pub fn handle(ctx: Context<Self>, args: WithdrawBalanceArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let amount = MicroUsdc(args.amount);
        let mut rules = accounts.balance.load()?.rules()?;
        let balance_before = rules.balance;
        rules.withdraw(amount).map_err(MarketError::from)?;
        accounts.balance.load_mut()?.update(&rules)?;

        let (owner_tokens, buyer_vault) = (&accounts.owner_tokens, &accounts.buyer_vault);
        let (wallet_before, vault_before) = (tokens::balance(owner_tokens)?, tokens::balance(buyer_vault)?);
        let bump = [accounts.balance.load()?.bump];
        let signer: &[&[u8]] = &[seeds::BUYER, accounts.owner.key.as_ref(), &bump];
        tokens::transfer(buyer_vault, owner_tokens, accounts.balance.as_ref(), amount, &[signer])?;
        let (wallet_after, vault_after) = (tokens::balance(owner_tokens)?, tokens::balance(buyer_vault)?);
        tokens::check_vault(vault_after, rules.balance)?;

        let event = BalanceMoved {
            balance: accounts.balance.key(),
            owner: accounts.owner.key(),
            wallet: accounts.owner.key(),
            balance_before: balance_before.0,
            balance_after: rules.balance.0,
            wallet_before: wallet_before.0,
            wallet_after: wallet_after.0,
            vault_before: vault_before.0,
            vault_after: vault_after.0,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
