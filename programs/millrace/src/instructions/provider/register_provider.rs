use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};
use millrace_protocol::seeds;

use crate::constants::{DISPLAY_NAME_BYTES, SPARE, VERSION};
use crate::events::ProviderRegistered;
use crate::state::{Config, Provider};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct RegisterProviderArgs {
    /// 1 to 32 bytes of UTF-8 without control characters.
    pub display_name: String,
}

#[event_cpi]
#[derive(Accounts)]
pub struct RegisterProvider<'info> {
    #[account(seeds = [seeds::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,

    /// Becomes the provider's owner and pays the rent.
    #[account(mut)]
    pub owner: Signer<'info>,

    /// One per owner.
    #[account(
        init,
        payer = owner,
        space = Provider::DISCRIMINATOR.len() + Provider::INIT_SPACE,
        seeds = [seeds::PROVIDER, owner.key().as_ref()],
        bump,
    )]
    pub provider: Box<Account<'info, Provider>>,

    /// The network's mint.
    #[account(address = config.mint @ MarketError::WrongMint)]
    pub mint: Box<Account<'info, Mint>>,

    /// Backs the provider's leases; only the program can move what is in it.
    #[account(
        init,
        payer = owner,
        seeds = [seeds::STAKE_VAULT, provider.key().as_ref()],
        bump,
        token::mint = mint,
        token::authority = provider,
    )]
    pub stake_vault: Box<Account<'info, TokenAccount>>,

    /// Receives every payment, fee share included: no closed or frozen account of the owner's can
    /// stop a settlement.
    #[account(
        init,
        payer = owner,
        seeds = [seeds::EARNINGS_VAULT, provider.key().as_ref()],
        bump,
        token::mint = mint,
        token::authority = provider,
    )]
    pub earnings_vault: Box<Account<'info, TokenAccount>>,

    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

impl RegisterProvider<'_> {
    fn validate(&self, args: &RegisterProviderArgs) -> Result<()> {
        let length = args.display_name.len();
        let fits = length > 0 && length <= usize::from(DISPLAY_NAME_BYTES);
        require!(fits && !args.display_name.chars().any(char::is_control), MarketError::DisplayNameInvalid);
        Ok(())
    }

    #[access_control(ctx.accounts.validate(&args))]
    pub fn handle(ctx: Context<Self>, args: RegisterProviderArgs) -> Result<()> {
        let accounts = &mut *ctx.accounts;
        let at = clock::now(&Clock::get()?)?.0;
        let mut display_name = [0; DISPLAY_NAME_BYTES as usize];
        display_name.iter_mut().zip(args.display_name.bytes()).for_each(|(to, from)| *to = from);
        accounts.provider.set_inner(Provider {
            version: VERSION,
            bump: ctx.bumps.provider,
            stake_vault_bump: ctx.bumps.stake_vault,
            earnings_vault_bump: ctx.bumps.earnings_vault,
            owner: accounts.owner.key(),
            display_name,
            n_nodes: 0,
            stake_total: 0,
            stake_locked: 0,
            staked: 0,
            slashed: 0,
            earnings_owner: 0,
            earnings_fees: 0,
            registered_at: at,
            rent_payer: accounts.owner.key(),
            spare: [0; SPARE],
        });
        accounts.provider.invariant()?;
        let event = ProviderRegistered {
            provider: accounts.provider.key(),
            owner: accounts.owner.key(),
            display_name: args.display_name,
            stake_vault: accounts.stake_vault.key(),
            earnings_vault: accounts.earnings_vault.key(),
            at,
        };
        emit_cpi!(event);
        Ok(())
    }
}
