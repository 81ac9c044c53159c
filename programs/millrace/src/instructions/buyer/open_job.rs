use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use bytemuck::Zeroable;
use millrace_protocol::{seeds, transitions};

use crate::constants::{CONFIG, VERSION};
use crate::create::{self, Place};
use crate::events::{self, JobOpened};
use crate::state::{Config, Job};
use crate::types::JobTerms;
use crate::{clock, tokens, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct OpenJobArgs {
    /// Any number that names none of the buyer's live jobs.
    pub id: u64,
    /// SHA-256 of the canonical job file.
    pub spec_hash: [u8; 32],
    pub terms: JobTerms,
    /// Whose vouchers count; the network's scheduler where none is named.
    pub attestor: Option<Pubkey>,
    pub job_bump: u8,
    pub job_vault_bump: u8,
}

#[event_cpi]
#[derive(Accounts)]
#[cfg_attr(feature = "idl-build", instruction(args: OpenJobArgs))]
pub struct OpenJob<'info> {
    #[account(address = CONFIG.0, has_one = mint @ MarketError::WrongMint)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    /// May cancel the job.
    pub buyer: Signer<'info>,

    /// Pays deposit and rent, and gets back what is left of both; often the buyer itself.
    #[account(mut)]
    pub funder: Signer<'info>,

    /// CHECK: Where the deposit comes from: a token account of the funder's.
    #[account(
        mut,
        constraint = tokens::mint(&funder_tokens)? == mint.key() @ MarketError::WrongMint,
        constraint = tokens::owner(&funder_tokens)? == funder.key() @ MarketError::WrongTokenOwner,
    )]
    pub funder_tokens: UncheckedAccount<'info>,

    /// CHECK: Created here.
    #[account(mut)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::JOB, buyer.key().as_ref(), &args.id.to_le_bytes()], bump))]
    pub job: UncheckedAccount<'info>,

    /// CHECK: The network's mint.
    pub mint: UncheckedAccount<'info>,

    /// CHECK: Created here: the job's own money, which no other job's instruction can name.
    #[account(mut)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::JOB_VAULT, job.key().as_ref()], bump))]
    pub job_vault: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

impl OpenJob<'_> {
    pub fn handle(ctx: Context<Self>, args: OpenJobArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let (buyer, id) = (accounts.buyer.key, args.id.to_le_bytes());
        let seeds: &[&[u8]] = &[seeds::JOB, buyer.as_ref(), &id];
        let job_place = Place::prove(&accounts.job, seeds, args.job_bump)?;
        let seeds: &[&[u8]] = &[seeds::JOB_VAULT, accounts.job.key.as_ref()];
        let vault_place = Place::prove(&accounts.job_vault, seeds, args.job_vault_bump)?;

        let clock = Clock::get()?;
        let now = clock::now(&clock)?;
        let config = accounts.config.load()?;
        require!(config.paused == 0, MarketError::NetworkPaused);
        let terms = args.terms.try_into().map_err(MarketError::from)?;
        let rules = transitions::open_job(terms, &config.rules()?, now).map_err(MarketError::from)?;
        let deposit = rules.terms.deposit;

        let mut job = Job {
            version: VERSION,
            bump: args.job_bump,
            buyer: *buyer,
            funder: accounts.funder.key(),
            attestor: args.attestor.unwrap_or_default(),
            rent_payer: accounts.funder.key(),
            mint: config.mint,
            job_vault: accounts.job_vault.key(),
            spec_hash: args.spec_hash,
            id: args.id,
            opened_slot: clock.slot,
            opened_at: now.0,
            ..Job::zeroed()
        };
        job.update(&rules)?;
        create::account(&accounts.funder, job_place, &job)?;
        create::vault(&accounts.funder, vault_place, &accounts.mint, accounts.job.key)?;

        let funder_before = tokens::balance(&accounts.funder_tokens)?;
        tokens::transfer(&accounts.funder_tokens, &accounts.job_vault, &accounts.funder, deposit, &[])?;
        let (funder_after, vault_after) =
            (tokens::balance(&accounts.funder_tokens)?, tokens::balance(&accounts.job_vault)?);
        tokens::check_vault(vault_after, rules.vault_balance().map_err(MarketError::from)?)?;

        let event = JobOpened {
            job: accounts.job.key(),
            buyer: job.buyer,
            funder: job.funder,
            attestor: job.attestor,
            mint: job.mint,
            id: job.id,
            spec_hash: job.spec_hash,
            deposit: deposit.0,
            funder_before: funder_before.0,
            funder_after: funder_after.0,
            vault_before: 0,
            vault_after: vault_after.0,
            start_deadline: job.start_deadline,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
