use anchor_lang::prelude::*;
use anchor_spl::token::Token;
#[cfg(feature = "idl-build")]
use millrace_protocol::seeds;

use crate::constants::CONFIG;
use crate::events::{self, JobOpened};
use crate::opening::{NewJob, OpenJobArgs};
use crate::state::Config;
use crate::{tokens, MarketError};

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
        let new = NewJob {
            config: &accounts.config,
            rent_payer: &accounts.funder,
            job: &accounts.job,
            job_vault: &accounts.job_vault,
            mint: &accounts.mint,
            buyer: accounts.buyer.key(),
            funder: accounts.funder.key(),
            prepaid: false,
        };
        let (job, rules, _) = new.create(&args)?;
        let deposit = rules.terms.deposit;

        let funder_before = tokens::balance(&accounts.funder_tokens)?;
        tokens::transfer(&accounts.funder_tokens, &accounts.job_vault, &accounts.funder, deposit, &[])?;
        let (funder_after, vault_after) =
            (tokens::balance(&accounts.funder_tokens)?, tokens::balance(&accounts.job_vault)?);
        tokens::check_vault(vault_after, rules.vault_balance().map_err(MarketError::from)?)?;

        let (job_address, buyer) = (accounts.job.key(), accounts.buyer.key());
        let event = JobOpened::new(job_address, &job, buyer, (funder_before, funder_after), vault_after);
        events::emit(&accounts.event_authority, &event)
    }
}
