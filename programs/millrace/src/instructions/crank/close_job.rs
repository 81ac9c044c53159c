use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::{seeds, transitions};

use crate::events::{self, JobClosed};
use crate::state::Job;
use crate::{clock, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseJob<'info> {
    #[account(
        mut,
        close = rent_payer,
        has_one = rent_payer @ MarketError::WrongRentPayer,
        has_one = job_vault @ MarketError::WrongVault,
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
        let at = clock::now(&Clock::get()?)?.0;
        let job = accounts.job.load()?;
        let rules = job.rules()?;
        require!(job.quorum_open == 0, MarketError::QuorumOpen);
        let refund = transitions::close_job(&rules).map_err(MarketError::from)?;
        let refund_account_before = tokens::balance(&accounts.refund_account)?;
        // A stranger's micro-USDC in the vault must not keep the account from closing.
        let whole = tokens::balance(&accounts.job_vault)?;
        tokens::check_vault(whole, refund)?;
        let surplus = whole.minus(refund).map_err(MarketError::from)?;

        let signer: &[&[u8]] = &[seeds::JOB, job.buyer.as_ref(), &job.id.to_le_bytes(), &[job.bump]];
        let authority = accounts.job.as_ref();
        tokens::transfer(&accounts.job_vault, &accounts.refund_account, authority, whole, &[signer])?;
        let job_vault_after = tokens::balance(&accounts.job_vault)?;
        let refund_account_after = tokens::balance(&accounts.refund_account)?;
        tokens::close(&accounts.job_vault, &accounts.rent_payer, authority, &[signer])?;

        let event = JobClosed {
            job: accounts.job.key(),
            buyer: job.buyer,
            funder: job.funder,
            refund_account: accounts.refund_account.key(),
            state: job.state,
            deposit: rules.terms.deposit.0,
            paid: rules.paid.0,
            fees: rules.fees.0,
            compensation: rules.compensation.0,
            refund: refund.0,
            surplus: surplus.0,
            job_vault_before: whole.0,
            job_vault_after: job_vault_after.0,
            refund_account_before: refund_account_before.0,
            refund_account_after: refund_account_after.0,
            at,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
