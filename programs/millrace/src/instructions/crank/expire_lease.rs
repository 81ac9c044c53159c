use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::{seeds, transitions};

use crate::events::{self, LeaseExpired};
use crate::state::{Job, Lease, Node, Provider};
use crate::{clock, tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct ExpireLease<'info> {
    #[account(mut, has_one = job_vault @ MarketError::WrongVault)]
    pub job: AccountLoader<'info, Job>,

    /// CHECK: Named by the job; receives the penalty.
    #[account(mut)]
    pub job_vault: UncheckedAccount<'info>,

    #[account(
        mut,
        close = rent_payer,
        has_one = job @ MarketError::WrongJob,
        has_one = node @ MarketError::WrongNode,
        has_one = provider @ MarketError::WrongProvider,
        has_one = rent_payer @ MarketError::WrongRentPayer,
    )]
    pub lease: AccountLoader<'info, Lease>,

    #[account(mut)]
    pub node: AccountLoader<'info, Node>,

    #[account(mut, has_one = stake_vault @ MarketError::WrongVault)]
    pub provider: AccountLoader<'info, Provider>,

    /// CHECK: Named by the provider; pays the penalty.
    #[account(mut)]
    pub stake_vault: UncheckedAccount<'info>,

    /// CHECK: Named by the lease; only receives the lease's rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl ExpireLease<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;

        let mut job = accounts.job.load()?.rules()?;
        let mut lease = accounts.lease.load()?.rules()?;
        let mut node = accounts.node.load()?.rules()?;
        let mut stake = accounts.provider.load()?.stake();
        let expiry =
            transitions::expire_lease(&mut job, &mut lease, &mut node, &mut stake, now).map_err(MarketError::from)?;
        accounts.job.load_mut()?.update(&job)?;
        accounts.node.load_mut()?.update(&node)?;
        accounts.provider.load_mut()?.update_stake(&stake)?;

        let (stake_vault, job_vault) = (&accounts.stake_vault, &accounts.job_vault);
        let (stake_vault_before, job_vault_before) = (tokens::balance(stake_vault)?, tokens::balance(job_vault)?);
        let provider = accounts.provider.load()?;
        let signer: &[&[u8]] = &[seeds::PROVIDER, provider.owner.as_ref(), &[provider.bump]];
        tokens::transfer(stake_vault, job_vault, accounts.provider.as_ref(), expiry.penalty, &[signer])?;
        let (stake_vault_after, job_vault_after) = (tokens::balance(stake_vault)?, tokens::balance(job_vault)?);
        tokens::check_vault(stake_vault_after, stake.total)?;
        tokens::check_vault(job_vault_after, job.vault_balance().map_err(MarketError::from)?)?;

        let event = LeaseExpired {
            job: accounts.job.key(),
            lease: accounts.lease.key(),
            number: accounts.lease.load()?.number,
            node: accounts.node.key(),
            provider: accounts.provider.key(),
            outcome: expiry.outcome as u8,
            sequence: lease.sequence,
            metered_seconds: lease.metered.0,
            lease_paid: lease.paid.0,
            lease_fees: lease.fees.0,
            bond: lease.bond.0,
            penalty: expiry.penalty.0,
            stake_vault_before: stake_vault_before.0,
            stake_vault_after: stake_vault_after.0,
            job_vault_before: job_vault_before.0,
            job_vault_after: job_vault_after.0,
            job_state: job.state as u8,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
