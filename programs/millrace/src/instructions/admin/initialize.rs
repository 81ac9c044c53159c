use anchor_lang::prelude::*;
use anchor_lang::solana_program::bpf_loader_upgradeable;
use anchor_spl::token::Mint;
use bytemuck::Zeroable;
use millrace_protocol::{self as protocol, seeds};

use crate::constants::{CONFIG, VERSION};
use crate::create::{self, Place};
use crate::events::{self, NetworkInitialized};
use crate::state::Config;
use crate::types::Parameters;
use crate::{tokens, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct InitializeArgs {
    pub scheduler: Pubkey,
    pub arbiter: Pubkey,
    pub parameters: Parameters,
}

#[event_cpi]
#[derive(Accounts)]
pub struct Initialize<'info> {
    /// The program's upgrade authority; becomes the network's admin and pays the rent.
    #[account(mut)]
    pub admin: Signer<'info>,

    /// CHECK: Created once; a second network cannot be founded under this program.
    #[account(mut)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::CONFIG], bump))]
    pub config: UncheckedAccount<'info>,

    /// The mint of all money on the network.
    pub mint: Account<'info, Mint>,

    /// CHECK: Where fees are swept to: a token account of the mint.
    #[account(constraint = tokens::mint(&treasury)? == mint.key() @ MarketError::WrongMint)]
    pub treasury: UncheckedAccount<'info>,

    /// The loader's account that names the program's upgrade authority.
    #[account(
        seeds = [crate::ID.as_ref()],
        bump,
        seeds::program = bpf_loader_upgradeable::ID,
        constraint = program_data.upgrade_authority_address == Some(admin.key()) @ MarketError::NotUpgradeAuthority,
    )]
    pub program_data: Account<'info, ProgramData>,

    pub system_program: Program<'info, System>,
}

impl Initialize<'_> {
    fn validate(&self, args: &InitializeArgs) -> Result<()> {
        protocol::Parameters::from(args.parameters).check().map_err(|error| MarketError::from(error).into())
    }

    #[access_control(ctx.accounts.validate(&args))]
    pub fn handle(ctx: Context<Self>, args: InitializeArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let place = Place::prove(&accounts.config, &[seeds::CONFIG], CONFIG.1)?;
        let config = Config {
            version: VERSION,
            bump: CONFIG.1,
            admin: accounts.admin.key(),
            scheduler: args.scheduler,
            arbiter: args.arbiter,
            treasury: accounts.treasury.key(),
            mint: accounts.mint.key(),
            rent_payer: accounts.admin.key(),
            parameters: args.parameters,
            ..Config::zeroed()
        };
        create::account(&accounts.admin, place, &config)?;

        let event = NetworkInitialized {
            admin: config.admin,
            scheduler: config.scheduler,
            arbiter: config.arbiter,
            treasury: config.treasury,
            mint: config.mint,
            parameters: config.parameters,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
