use anchor_lang::prelude::*;
use anchor_spl::token::{Token, TokenAccount};
use millrace_protocol::{seeds, transitions, MicroUsdc};

use crate::events::JobClosed;
use crate::state::Job;
use crate::{clock, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseJob<'info> {
    #[account(mut, close = funder, has_one = funder @ MarketError::WrongRentPayer)]
    pub job: Box<Account<'info, Job>>,

    /// Emptied and closed.
    #[account(mut, seeds = [seeds::JOB_VAULT, job.key().as_ref()], bump = job.vault_bump)]
    pub job_vault: Box<Account<'info, TokenAccount>>,

    /// Any token account of the funder's: none in particular can block the refund.
    #[account(
        mut,
        constraint = refund_account.mint == job.mint @ MarketError::WrongRefundAccount,
        constraint = refund_account.owner == job.funder @ MarketError::WrongRefundAccount,
    )]
    pub refund_account: Box<Account<'info, TokenAccount>>,

    /// CHECK: Named by the job; only receives the rent.
    #[account(mut)]
    pub funder: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl CloseJob<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = &mut *ctx.accounts;
        let at = clock::now(&Clock::get()?)?.0;
        let rules = accounts.job.rules().map_err(MarketError::from)?;
        let refund = transitions::close_job(&rules).map_err(MarketError::from)?;
        tokens::check_vault(&accounts.job_vault, refund)?;
        // A stranger's micro-USDC in the vault must not keep the account from closing.
        let whole = MicroUsdc(accounts.job_vault.amount);
        let surplus = whole.minus(refund).map_err(MarketError::from)?;
        let refund_account_before = accounts.refund_account.amount;

        let authority = accounts.job.to_account_info();
        let id = accounts.job.id.to_le_bytes();
        let signer: &[&[u8]] = &[seeds::JOB, accounts.job.buyer.as_ref(), &id, &[accounts.job.bump]];
        tokens::transfer(&mut accounts.job_vault, &mut accounts.refund_account, authority.clone(), whole, &[signer])?;
        let job_vault_after = accounts.job_vault.amount;
        tokens::close(&accounts.job_vault, accounts.funder.to_account_info(), authority, &[signer])?;

        let event = JobClosed {
            job: accounts.job.key(),
            buyer: accounts.job.buyer,
            funder: accounts.job.funder,
            refund_account: accounts.refund_account.key(),
            state: accounts.job.state,
            deposit: rules.terms.deposit.0,
            paid: rules.paid.0,
            fees: rules.fees.0,
            compensation: rules.compensation.0,
            refund: refund.0,
            surplus: surplus.0,
            job_vault_before: whole.0,
            job_vault_after,
            refund_account_before,
            refund_account_after: accounts.refund_account.amount,
            at,
        };
        emit_cpi!(event);
        Ok(())
    }
}
