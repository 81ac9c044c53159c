use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::MicroUsdc;

use crate::events::{self, BalanceMoved};
use crate::state::Buyer;
use crate::{clock, tokens, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct DepositBalanceArgs {
    /// Micro-USDC.
    pub amount: u64,
}

/// Anyone may pay in; only the owner gets anything out.
#[event_cpi]
#[derive(Accounts)]
pub struct DepositBalance<'info> {
    pub payer: Signer<'info>,

    #[account(mut, has_one = buyer_vault @ MarketError::WrongVault)]
    pub balance: AccountLoader<'info, Buyer>,

    /// CHECK: Where the money comes from: a token account of the payer's.
    #[account(
        mut,
        constraint = tokens::mint(&payer_tokens)? == balance.load()?.mint @ MarketError::WrongMint,
        constraint = tokens::owner(&payer_tokens)? == payer.key() @ MarketError::WrongTokenOwner,
    )]
    pub payer_tokens: UncheckedAccount<'info>,

    /// CHECK: Named by the balance.
    #[account(mut)]
    pub buyer_vault: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl DepositBalance<'_> {
    pub fn handle(ctx: Context<Self>, args: DepositBalanceArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let amount = MicroUsdc(args.amount);
        let mut rules = accounts.balance.load()?.rules()?;
        let balance_before = rules.balance;
        rules.deposit(amount).map_err(MarketError::from)?;
        accounts.balance.load_mut()?.update(&rules)?;

        let (payer_tokens, buyer_vault) = (&accounts.payer_tokens, &accounts.buyer_vault);
        let (wallet_before, vault_before) = (tokens::balance(payer_tokens)?, tokens::balance(buyer_vault)?);
        tokens::transfer(payer_tokens, buyer_vault, &accounts.payer, amount, &[])?;
        let (wallet_after, vault_after) = (tokens::balance(payer_tokens)?, tokens::balance(buyer_vault)?);
        tokens::check_vault(vault_after, rules.balance)?;

        let event = BalanceMoved {
            balance: accounts.balance.key(),
            owner: accounts.balance.load()?.owner,
            wallet: accounts.payer.key(),
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
