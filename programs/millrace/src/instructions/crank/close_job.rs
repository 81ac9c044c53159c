use anchor_lang::prelude::*;
use anchor_spl::token::Token;

use crate::state::Job;
use crate::{closing, events, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseJob<'info> {
    #[account(
        mut,
        close = rent_payer,
        has_one = rent_payer @ MarketError::WrongRentPayer,
        has_one = job_vault @ MarketError::WrongVault,
        constraint = job.load()?.prepaid == 0 @ MarketError::WrongFunding,
    )]
    pub job: AccountLoader<'info, Job>,

    /// CHECK: Named by the job; emptied and closed.
    #[account(mut)]
    pub job_vault: UncheckedAccount<'info>,

    /// CHECK: Any token account of the funder's: none in particular can block the refund.
    #[account(
        mut,
        constraint = tokens::mint(&refund_account)? == job.load()?.mint @ MarketError::WrongRefundAccount,
        constraint = tokens::owner(&refund_account)? == job.load()?.funder @ MarketError::WrongRefundAccount,
    )]
    pub refund_account: UncheckedAccount<'info>,

    /// CHECK: Named by the job; only receives the rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl CloseJob<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let (event, _) =
            closing::close(&accounts.job, &accounts.job_vault, &accounts.refund_account, &accounts.rent_payer)?;
        events::emit(&accounts.event_authority, &event)
    }
}
