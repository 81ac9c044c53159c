use anchor_lang::prelude::*;
use anchor_spl::token::{Token, TokenAccount};
use millrace_protocol::{seeds, transitions};

use crate::events::LeaseExpired;
use crate::state::{Job, Lease, Node, Provider};
use crate::{clock, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct ExpireLease<'info> {
    #[account(mut)]
    pub job: Box<Account<'info, Job>>,

    /// Receives the penalty.
    #[account(mut, seeds = [seeds::JOB_VAULT, job.key().as_ref()], bump = job.vault_bump)]
    pub job_vault: Box<Account<'info, TokenAccount>>,

    #[account(
        mut,
        close = rent_payer,
        has_one = job @ MarketError::WrongJob,
        has_one = node @ MarketError::WrongNode,
        has_one = provider @ MarketError::WrongProvider,
        has_one = rent_payer @ MarketError::WrongRentPayer,
    )]
    pub lease: Box<Account<'info, Lease>>,

    #[account(mut)]
    pub node: Box<Account<'info, Node>>,

    #[account(mut)]
    pub provider: Box<Account<'info, Provider>>,

    /// Pays the penalty.
    #[account(mut, seeds = [seeds::STAKE_VAULT, provider.key().as_ref()], bump = provider.stake_vault_bump)]
    pub stake_vault: Box<Account<'info, TokenAccount>>,

    /// CHECK: Named by the lease; only receives the lease's rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl ExpireLease<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = &mut *ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let (stake_vault_before, job_vault_before) = (accounts.stake_vault.amount, accounts.job_vault.amount);

        let mut job = accounts.job.rules().map_err(MarketError::from)?;
        let mut lease = accounts.lease.rules().map_err(MarketError::from)?;
        let mut node = accounts.node.rules().map_err(MarketError::from)?;
        let mut stake = accounts.provider.stake();
        let expiry =
            transitions::expire_lease(&mut job, &mut lease, &mut node, &mut stake, now).map_err(MarketError::from)?;

        accounts.job.update(&job)?;
        accounts.lease.update(&lease)?;
        accounts.node.update(&node)?;
        accounts.provider.update_stake(&stake)?;

        let authority = accounts.provider.to_account_info();
        let signer: &[&[u8]] = &[seeds::PROVIDER, accounts.provider.owner.as_ref(), &[accounts.provider.bump]];
        tokens::transfer(&mut accounts.stake_vault, &mut accounts.job_vault, authority, expiry.penalty, &[signer])?;
        tokens::check_vault(&accounts.stake_vault, stake.total)?;
        tokens::check_vault(&accounts.job_vault, job.vault_balance().map_err(MarketError::from)?)?;

        let event = LeaseExpired {
            job: accounts.job.key(),
            lease: accounts.lease.key(),
            number: accounts.lease.number,
            node: accounts.node.key(),
            provider: accounts.provider.key(),
            outcome: expiry.outcome as u8,
            sequence: lease.sequence,
            metered_seconds: lease.metered.0,
            lease_paid: lease.paid.0,
            lease_fees: lease.fees.0,
            bond: lease.bond.0,
            penalty: expiry.penalty.0,
            stake_vault_before,
            stake_vault_after: accounts.stake_vault.amount,
            job_vault_before,
            job_vault_after: accounts.job_vault.amount,
            job_state: accounts.job.state,
            at: now.0,
        };
        emit_cpi!(event);
        Ok(())
    }
}
