use anchor_lang::prelude::*;
use anchor_lang::solana_program::bpf_loader_upgradeable;
use anchor_spl::token::{Mint, TokenAccount};
use millrace_protocol::{self as protocol, seeds};

use crate::constants::{SPARE, VERSION};
use crate::events::NetworkInitialized;
use crate::state::Config;
use crate::types::Parameters;
use crate::MarketError;

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct InitializeArgs {
    pub scheduler: Pubkey,
    pub parameters: Parameters,
}

#[event_cpi]
#[derive(Accounts)]
pub struct Initialize<'info> {
    /// The program's upgrade authority; becomes the network's admin and pays the rent.
    #[account(mut)]
    pub admin: Signer<'info>,

    /// Created once; a second network cannot be founded under this program.
    #[account(init, payer = admin, space = Config::DISCRIMINATOR.len() + Config::INIT_SPACE, seeds = [seeds::CONFIG], bump)]
    pub config: Box<Account<'info, Config>>,

    /// The mint of all money on the network.
    pub mint: Box<Account<'info, Mint>>,

    /// Where fees are swept to.
    #[account(constraint = treasury.mint == mint.key() @ MarketError::WrongMint)]
    pub treasury: Box<Account<'info, TokenAccount>>,

    /// The loader's account that names the program's upgrade authority.
    #[account(
        seeds = [crate::ID.as_ref()],
        bump,
        seeds::program = bpf_loader_upgradeable::ID,
        constraint = program_data.upgrade_authority_address == Some(admin.key()) @ MarketError::NotUpgradeAuthority,
    )]
    pub program_data: Box<Account<'info, ProgramData>>,

    pub system_program: Program<'info, System>,
}

impl Initialize<'_> {
    fn validate(&self, args: &InitializeArgs) -> Result<()> {
        protocol::Parameters::from(args.parameters).check().map_err(|error| MarketError::from(error).into())
    }

    #[access_control(ctx.accounts.validate(&args))]
    pub fn handle(ctx: Context<Self>, args: InitializeArgs) -> Result<()> {
        let accounts = &mut *ctx.accounts;
        accounts.config.set_inner(Config {
            version: VERSION,
            bump: ctx.bumps.config,
            admin: accounts.admin.key(),
            scheduler: args.scheduler,
            treasury: accounts.treasury.key(),
            mint: accounts.mint.key(),
            parameters: args.parameters,
            rent_payer: accounts.admin.key(),
            spare: [0; SPARE],
        });
        accounts.config.invariant()?;
        let event = NetworkInitialized {
            admin: accounts.config.admin,
            scheduler: accounts.config.scheduler,
            treasury: accounts.config.treasury,
            mint: accounts.config.mint,
            parameters: accounts.config.parameters,
        };
        emit_cpi!(event);
        Ok(())
    }
}
