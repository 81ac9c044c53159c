use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};
use millrace_protocol::{seeds, transitions};

use crate::constants::{SPARE, VERSION};
use crate::events::JobOpened;
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
}

#[event_cpi]
#[derive(Accounts)]
#[instruction(args: OpenJobArgs)]
pub struct OpenJob<'info> {
    #[account(seeds = [seeds::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,

    /// May cancel the job.
    pub buyer: Signer<'info>,

    /// Pays deposit and rent, and gets back what is left of both; often the buyer itself.
    #[account(mut)]
    pub funder: Signer<'info>,

    /// Where the deposit comes from.
    #[account(
        mut,
        constraint = funder_tokens.mint == config.mint @ MarketError::WrongMint,
        constraint = funder_tokens.owner == funder.key() @ MarketError::WrongTokenOwner,
    )]
    pub funder_tokens: Box<Account<'info, TokenAccount>>,

    #[account(
        init,
        payer = funder,
        space = Job::DISCRIMINATOR.len() + Job::INIT_SPACE,
        seeds = [seeds::JOB, buyer.key().as_ref(), &args.id.to_le_bytes()],
        bump,
    )]
    pub job: Box<Account<'info, Job>>,

    /// The network's mint.
    #[account(address = config.mint @ MarketError::WrongMint)]
    pub mint: Box<Account<'info, Mint>>,

    /// The job's own money: no other job's instruction can name it.
    #[account(
        init,
        payer = funder,
        seeds = [seeds::JOB_VAULT, job.key().as_ref()],
        bump,
        token::mint = mint,
        token::authority = job,
    )]
    pub job_vault: Box<Account<'info, TokenAccount>>,

    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

impl OpenJob<'_> {
    pub fn handle(ctx: Context<Self>, args: OpenJobArgs) -> Result<()> {
        let accounts = &mut *ctx.accounts;
        let clock = Clock::get()?;
        let now = clock::now(&clock)?;
        let rules = transitions::open_job(args.terms.into(), &accounts.config.parameters.into(), now)
            .map_err(MarketError::from)?;
        let deposit = rules.terms.deposit;
        let (funder_before, vault_before) = (accounts.funder_tokens.amount, accounts.job_vault.amount);

        accounts.job.set_inner(Job {
            version: VERSION,
            bump: ctx.bumps.job,
            vault_bump: ctx.bumps.job_vault,
            state: rules.state as u8,
            buyer: accounts.buyer.key(),
            id: args.id,
            funder: accounts.funder.key(),
            attestor: accounts.config.scheduler,
            mint: accounts.mint.key(),
            spec_hash: args.spec_hash,
            terms: args.terms,
            reserved: 0,
            paid: 0,
            fees: 0,
            compensation: 0,
            live_leases: 0,
            leases_opened: 0,
            attempts_failed: 0,
            opened_slot: clock.slot,
            opened_at: now.0,
            start_deadline: 0,
            cancelled_at: 0,
            settle_grace: 0,
            spare: [0; SPARE],
        });
        accounts.job.update(&rules)?;
        let funder = accounts.funder.to_account_info();
        tokens::transfer(&mut accounts.funder_tokens, &mut accounts.job_vault, funder, deposit, &[])?;
        tokens::check_vault(&accounts.job_vault, rules.vault_balance().map_err(MarketError::from)?)?;

        let event = JobOpened {
            job: accounts.job.key(),
            buyer: accounts.job.buyer,
            funder: accounts.job.funder,
            attestor: accounts.job.attestor,
            mint: accounts.job.mint,
            id: args.id,
            spec_hash: args.spec_hash,
            deposit: deposit.0,
            funder_before,
            funder_after: accounts.funder_tokens.amount,
            vault_before,
            vault_after: accounts.job_vault.amount,
            start_deadline: accounts.job.start_deadline,
            at: now.0,
        };
        emit_cpi!(event);
        Ok(())
    }
}
