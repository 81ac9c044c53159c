use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use bytemuck::Zeroable;
use millrace_protocol::seeds;

use crate::constants::{CONFIG, DISPLAY_NAME_BYTES, VERSION};
use crate::create::{self, Place};
use crate::events::{self, ProviderRegistered};
use crate::state::{Config, Provider};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct RegisterProviderArgs {
    /// 1 to 32 bytes of UTF-8 without control characters, padded with zeros. Of fixed length: a length
    /// prefix could ask for more than the heap has.
    pub display_name: [u8; DISPLAY_NAME_BYTES as usize],
    pub provider_bump: u8,
    pub stake_vault_bump: u8,
    pub earnings_vault_bump: u8,
}

impl RegisterProviderArgs {
    /// A display name padded with zeros; all zeros, which is refused, for one that does not fit.
    pub fn padded(display_name: &str) -> [u8; DISPLAY_NAME_BYTES as usize] {
        let mut padded = [0; DISPLAY_NAME_BYTES as usize];
        if let Some(place) = padded.get_mut(..display_name.len()) {
            place.copy_from_slice(display_name.as_bytes());
        }
        padded
    }
}

#[event_cpi]
#[derive(Accounts)]
pub struct RegisterProvider<'info> {
    #[account(address = CONFIG.0, has_one = mint @ MarketError::WrongMint)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    /// Becomes the provider's owner and pays the rent.
    #[account(mut)]
    pub owner: Signer<'info>,

    /// CHECK: Created here; one per owner.
    #[account(mut)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::PROVIDER, owner.key().as_ref()], bump))]
    pub provider: UncheckedAccount<'info>,

    /// CHECK: The network's mint.
    pub mint: UncheckedAccount<'info>,

    /// CHECK: Created here. Backs the provider's leases; only the program can move what is in it.
    #[account(mut)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::STAKE_VAULT, provider.key().as_ref()], bump))]
    pub stake_vault: UncheckedAccount<'info>,

    /// CHECK: Created here. Receives every payment, fee share included: no closed or frozen account
    /// of the owner's can stop a settlement.
    #[account(mut)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::EARNINGS_VAULT, provider.key().as_ref()], bump))]
    pub earnings_vault: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

impl RegisterProvider<'_> {
    fn validate(&self, args: &RegisterProviderArgs) -> Result<()> {
        let padded = &args.display_name;
        let length = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
        let (name, padding) = padded.split_at(length);
        let fits = length > 0 && padding.iter().all(|byte| *byte == 0);
        let text = std::str::from_utf8(name).map_err(|_| MarketError::DisplayNameInvalid)?;
        require!(fits && !text.chars().any(char::is_control), MarketError::DisplayNameInvalid);
        Ok(())
    }

    #[access_control(ctx.accounts.validate(&args))]
    pub fn handle(ctx: Context<Self>, args: RegisterProviderArgs) -> Result<()> {
        let accounts = ctx.accounts;
        accounts.config.load()?.rules()?;
        let (owner, address) = (&accounts.owner, accounts.provider.key);
        let seeds: &[&[u8]] = &[seeds::PROVIDER, owner.key.as_ref()];
        let provider_place = Place::prove(&accounts.provider, seeds, args.provider_bump)?;
        let seeds: &[&[u8]] = &[seeds::STAKE_VAULT, address.as_ref()];
        let stake_place = Place::prove(&accounts.stake_vault, seeds, args.stake_vault_bump)?;
        let seeds: &[&[u8]] = &[seeds::EARNINGS_VAULT, address.as_ref()];
        let earnings_place = Place::prove(&accounts.earnings_vault, seeds, args.earnings_vault_bump)?;

        let at = clock::now(&Clock::get()?)?.0;
        let provider = Provider {
            version: VERSION,
            bump: args.provider_bump,
            owner: accounts.owner.key(),
            stake_vault: accounts.stake_vault.key(),
            earnings_vault: accounts.earnings_vault.key(),
            payout_owner: accounts.owner.key(),
            next_payout_owner: accounts.owner.key(),
            rent_payer: accounts.owner.key(),
            display_name: args.display_name,
            reputation_at: at,
            registered_at: at,
            ..Provider::zeroed()
        };
        provider.rules()?.invariant().map_err(MarketError::from)?;
        create::account(owner, provider_place, &provider)?;
        create::vault(owner, stake_place, &accounts.mint, address)?;
        create::vault(owner, earnings_place, &accounts.mint, address)?;

        let event = ProviderRegistered {
            provider: *address,
            owner: provider.owner,
            display_name: provider.name().map_err(|_| MarketError::DisplayNameInvalid)?.to_owned(),
            stake_vault: provider.stake_vault,
            earnings_vault: provider.earnings_vault,
            at,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
