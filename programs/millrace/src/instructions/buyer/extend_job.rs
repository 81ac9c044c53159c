use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::transitions::{self, JobExtension};
use millrace_protocol::{MicroUsdc, Seconds};

use crate::events::{self, JobExtended};
use crate::state::Job;
use crate::{clock, tokens, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct ExtendJobArgs {
    /// From the funder into the job's vault, in micro-USDC.
    pub deposit: u64,
    /// Added to the longest lease, in seconds.
    pub lease_seconds: u64,
    /// Added to the time an open job waits for a lease, in seconds.
    pub start_window: u64,
}

impl From<ExtendJobArgs> for JobExtension {
    fn from(args: ExtendJobArgs) -> Self {
        Self {
            deposit: MicroUsdc(args.deposit),
            lease_seconds: Seconds(args.lease_seconds),
            start_window: Seconds(args.start_window),
        }
    }
}

#[event_cpi]
#[derive(Accounts)]
pub struct ExtendJob<'info> {
    pub buyer: Signer<'info>,

    /// Whoever funded the job, and nobody else: what is left goes back to one funder.
    pub funder: Signer<'info>,

    /// CHECK: Where the money comes from: a token account of the funder's.
    #[account(
        mut,
        constraint = tokens::mint(&funder_tokens)? == job.load()?.mint @ MarketError::WrongMint,
        constraint = tokens::owner(&funder_tokens)? == funder.key() @ MarketError::WrongTokenOwner,
    )]
    pub funder_tokens: UncheckedAccount<'info>,

    #[account(
        mut,
        has_one = buyer @ MarketError::WrongBuyer,
        has_one = funder @ MarketError::WrongFunder,
        has_one = job_vault @ MarketError::WrongVault,
    )]
    pub job: AccountLoader<'info, Job>,

    /// CHECK: Named by the job.
    #[account(mut)]
    pub job_vault: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl ExtendJob<'_> {
    pub fn handle(ctx: Context<Self>, args: ExtendJobArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let deposit = MicroUsdc(args.deposit);
        let mut rules = accounts.job.load()?.rules()?;
        transitions::extend_job(&mut rules, args.into(), now).map_err(MarketError::from)?;
        accounts.job.load_mut()?.update(&rules)?;

        let (funder_tokens, job_vault) = (&accounts.funder_tokens, &accounts.job_vault);
        let (funder_before, vault_before) = (tokens::balance(funder_tokens)?, tokens::balance(job_vault)?);
        tokens::transfer(funder_tokens, job_vault, &accounts.funder, deposit, &[])?;
        let (funder_after, vault_after) = (tokens::balance(funder_tokens)?, tokens::balance(job_vault)?);
        tokens::check_vault(vault_after, rules.vault_balance().map_err(MarketError::from)?)?;

        let job = accounts.job.load()?;
        let moved = ((funder_before, funder_after), (vault_before, vault_after));
        let event = JobExtended::new(accounts.job.key(), &job, deposit, moved, now);
        events::emit(&accounts.event_authority, &event)
    }
}
