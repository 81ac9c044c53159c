use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::MicroUsdc;

use crate::state::{Buyer, Job};
use crate::{closing, events, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseJobPrepaid<'info> {
    #[account(
        mut,
        close = rent_payer,
        has_one = rent_payer @ MarketError::WrongRentPayer,
        has_one = job_vault @ MarketError::WrongVault,
        constraint = job.load()?.prepaid != 0 @ MarketError::WrongFunding,
        constraint = job.load()?.funder == balance.key() @ MarketError::WrongBuyerAccount,
    )]
    pub job: AccountLoader<'info, Job>,

    /// CHECK: Named by the job; emptied and closed.
    #[account(mut)]
    pub job_vault: UncheckedAccount<'info>,

    /// The balance that the deposit came from.
    #[account(mut, has_one = buyer_vault @ MarketError::WrongVault)]
    pub balance: AccountLoader<'info, Buyer>,

    /// CHECK: Named by the balance.
    #[account(mut)]
    pub buyer_vault: UncheckedAccount<'info>,

    /// CHECK: Named by the job; only receives the rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl CloseJobPrepaid<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let (event, whole): (_, MicroUsdc) =
            closing::close(&accounts.job, &accounts.job_vault, &accounts.buyer_vault, &accounts.rent_payer)?;
        let job = accounts.job.load()?;
        let mut balance = accounts.balance.load_mut()?;
        let mut rules = balance.rules()?;
        rules.close_job(whole, job.cancelled_at != 0, job.disputes_lost).map_err(MarketError::from)?;
        balance.update(&rules)?;
        events::emit(&accounts.event_authority, &event)
    }
}
