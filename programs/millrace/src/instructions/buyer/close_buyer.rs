use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::seeds;

use crate::events::{self, BuyerClosed};
use crate::state::Buyer;
use crate::{clock, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseBuyer<'info> {
    pub owner: Signer<'info>,

    #[account(
        mut,
        close = rent_payer,
        has_one = owner @ MarketError::WrongBuyer,
        has_one = buyer_vault @ MarketError::WrongVault,
        has_one = rent_payer @ MarketError::WrongRentPayer,
    )]
    pub balance: AccountLoader<'info, Buyer>,

    /// CHECK: Named by the balance; closed.
    #[account(mut)]
    pub buyer_vault: UncheckedAccount<'info>,

    /// CHECK: Receives what strangers sent to the vault: a token account of the owner's.
    #[account(
        mut,
        constraint = tokens::mint(&owner_tokens)? == balance.load()?.mint @ MarketError::WrongMint,
        constraint = tokens::owner(&owner_tokens)? == owner.key() @ MarketError::WrongTokenOwner,
    )]
    pub owner_tokens: UncheckedAccount<'info>,

    /// CHECK: Named by the balance; only receives the rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl CloseBuyer<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let balance = accounts.balance.load()?;
        balance.rules()?.check_closable().map_err(MarketError::from)?;
        let surplus = tokens::balance(&accounts.buyer_vault)?;
        let wallet_before = tokens::balance(&accounts.owner_tokens)?;
        let signer: &[&[u8]] = &[seeds::BUYER, balance.owner.as_ref(), &[balance.bump]];
        let authority = accounts.balance.as_ref();
        tokens::transfer(&accounts.buyer_vault, &accounts.owner_tokens, authority, surplus, &[signer])?;
        tokens::close(&accounts.buyer_vault, &accounts.rent_payer, authority, &[signer])?;

        let event = BuyerClosed {
            balance: accounts.balance.key(),
            owner: balance.owner,
            surplus: surplus.0,
            wallet_before: wallet_before.0,
            wallet_after: tokens::balance(&accounts.owner_tokens)?.0,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
