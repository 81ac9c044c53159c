use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::{seeds, transitions, MicroUsdc};

use super::extend_job::ExtendJobArgs;
use crate::events::{self, JobExtended};
use crate::state::{Buyer, Job};
use crate::{clock, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct ExtendJobPrepaid<'info> {
    /// The balance's owner: a delegate only opens jobs.
    pub owner: Signer<'info>,

    #[account(
        mut,
        has_one = owner @ MarketError::WrongBuyer,
        has_one = buyer_vault @ MarketError::WrongVault,
    )]
    pub balance: AccountLoader<'info, Buyer>,

    /// CHECK: Named by the balance; pays.
    #[account(mut)]
    pub buyer_vault: UncheckedAccount<'info>,

    #[account(
        mut,
        has_one = job_vault @ MarketError::WrongVault,
        constraint = job.load()?.prepaid != 0 @ MarketError::WrongFunding,
        constraint = job.load()?.funder == balance.key() @ MarketError::WrongFunder,
    )]
    pub job: AccountLoader<'info, Job>,

    /// CHECK: Named by the job.
    #[account(mut)]
    pub job_vault: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl ExtendJobPrepaid<'_> {
    pub fn handle(ctx: Context<Self>, args: ExtendJobArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let deposit = MicroUsdc(args.deposit);
        let mut rules = accounts.job.load()?.rules()?;
        transitions::extend_job(&mut rules, args.into(), now).map_err(MarketError::from)?;
        accounts.job.load_mut()?.update(&rules)?;
        let mut balance = accounts.balance.load()?.rules()?;
        balance.spend(deposit).map_err(MarketError::from)?;
        accounts.balance.load_mut()?.update(&balance)?;

        let (buyer_vault, job_vault) = (&accounts.buyer_vault, &accounts.job_vault);
        let (funder_before, vault_before) = (tokens::balance(buyer_vault)?, tokens::balance(job_vault)?);
        let bump = [accounts.balance.load()?.bump];
        let signer: &[&[u8]] = &[seeds::BUYER, accounts.owner.key.as_ref(), &bump];
        tokens::transfer(buyer_vault, job_vault, accounts.balance.as_ref(), deposit, &[signer])?;
        let (funder_after, vault_after) = (tokens::balance(buyer_vault)?, tokens::balance(job_vault)?);
        tokens::check_vault(funder_after, balance.balance)?;
        tokens::check_vault(vault_after, rules.vault_balance().map_err(MarketError::from)?)?;

        let job = accounts.job.load()?;
        let moved = ((funder_before, funder_after), (vault_before, vault_after));
        let event = JobExtended::new(accounts.job.key(), &job, deposit, moved, now);
        events::emit(&accounts.event_authority, &event)
    }
}
