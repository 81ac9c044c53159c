//! What closing a job is, wherever what is left of it goes.

use anchor_lang::prelude::*;
use millrace_protocol::{seeds, transitions, MicroUsdc};

use crate::events::JobClosed;
use crate::state::Job;
use crate::{clock, tokens, MarketError};

/// Empties and closes the vault of a job that is over; its rent goes to `rent_payer`. Returns the event and
/// all that came out: the refund, and what strangers had sent to the vault.
///
/// # Errors
/// [`MarketError::QuorumOpen`], those of [`transitions::close_job`], [`MarketError::VaultShort`].
pub fn close<'info>(
    job: &AccountLoader<'info, Job>,
    job_vault: &AccountInfo<'info>,
    refund_account: &AccountInfo<'info>,
    rent_payer: &AccountInfo<'info>,
) -> Result<(JobClosed, MicroUsdc)> {
    let at = clock::now(&Clock::get()?)?.0;
    let account = job.load()?;
    let rules = account.rules()?;
    require!(account.quorum_open == 0, MarketError::QuorumOpen);
    let refund = transitions::close_job(&rules).map_err(MarketError::from)?;
    let refund_account_before = tokens::balance(refund_account)?;
    // A stranger's micro-USDC in the vault must not keep the account from closing.
    let whole = tokens::balance(job_vault)?;
    tokens::check_vault(whole, refund)?;
    let surplus = whole.minus(refund).map_err(MarketError::from)?;

    let signer: &[&[u8]] = &[seeds::JOB, account.buyer.as_ref(), &account.id.to_le_bytes(), &[account.bump]];
    tokens::transfer(job_vault, refund_account, job.as_ref(), whole, &[signer])?;
    let job_vault_after = tokens::balance(job_vault)?;
    let refund_account_after = tokens::balance(refund_account)?;
    tokens::close(job_vault, rent_payer, job.as_ref(), &[signer])?;

    let event = JobClosed {
        job: job.key(),
        buyer: account.buyer,
        funder: account.funder,
        refund_account: *refund_account.key,
        state: account.state,
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
    Ok((event, whole))
}
