use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use bytemuck::Zeroable;
use millrace_protocol::seeds;

use crate::constants::{CONFIG, VERSION};
use crate::create::{self, Place};
use crate::events::{self, BuyerOpened};
use crate::state::{Buyer, Config};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct OpenBuyerArgs {
    pub buyer_bump: u8,
    pub buyer_vault_bump: u8,
}

#[event_cpi]
#[derive(Accounts)]
pub struct OpenBuyer<'info> {
    #[account(address = CONFIG.0, has_one = mint @ MarketError::WrongMint)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    /// Owns the balance and pays the rent.
    #[account(mut)]
    pub owner: Signer<'info>,

    /// CHECK: Created here; one per owner.
    #[account(mut)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::BUYER, owner.key().as_ref()], bump))]
    pub balance: UncheckedAccount<'info>,

    /// CHECK: The network's mint.
    pub mint: UncheckedAccount<'info>,

    /// CHECK: Created here; only the program can move what is in it.
    #[account(mut)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::BUYER_VAULT, balance.key().as_ref()], bump))]
    pub buyer_vault: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

impl OpenBuyer<'_> {
    pub fn handle(ctx: Context<Self>, args: OpenBuyerArgs) -> Result<()> {
        let accounts = ctx.accounts;
        accounts.config.load()?.rules()?;
        let (owner, address) = (&accounts.owner, accounts.balance.key);
        let seeds: &[&[u8]] = &[seeds::BUYER, owner.key.as_ref()];
        let balance_place = Place::prove(&accounts.balance, seeds, args.buyer_bump)?;
        let seeds: &[&[u8]] = &[seeds::BUYER_VAULT, address.as_ref()];
        let vault_place = Place::prove(&accounts.buyer_vault, seeds, args.buyer_vault_bump)?;

        let balance = Buyer {
            version: VERSION,
            bump: args.buyer_bump,
            owner: *owner.key,
            buyer_vault: accounts.buyer_vault.key(),
            mint: accounts.mint.key(),
            rent_payer: *owner.key,
            ..Buyer::zeroed()
        };
        create::account(owner, balance_place, &balance)?;
        create::vault(owner, vault_place, &accounts.mint, address)?;

        let event = BuyerOpened {
            balance: *address,
            owner: balance.owner,
            buyer_vault: balance.buyer_vault,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
