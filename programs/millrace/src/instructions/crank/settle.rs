use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::{seeds, transitions, Address};

use crate::events::{self, VoucherSettled};
use crate::state::{Job, Lease, Node, Provider};
use crate::{clock, precompile, tokens, MarketError};

/// Needs no signer of its own: the voucher's signature is all the authority there is. Does not read
/// the config either, so that no change of it reprices or stops work under way.
#[event_cpi]
#[derive(Accounts)]
pub struct Settle<'info> {
    #[account(mut, has_one = job_vault @ MarketError::WrongVault)]
    pub job: AccountLoader<'info, Job>,

    /// CHECK: Named by the job; pays.
    #[account(mut)]
    pub job_vault: UncheckedAccount<'info>,

    /// Closed by a final voucher.
    #[account(
        mut,
        has_one = job @ MarketError::WrongJob,
        has_one = node @ MarketError::WrongNode,
        has_one = provider @ MarketError::WrongProvider,
        has_one = rent_payer @ MarketError::WrongRentPayer,
    )]
    pub lease: AccountLoader<'info, Lease>,

    #[account(mut)]
    pub node: AccountLoader<'info, Node>,

    #[account(mut, has_one = earnings_vault @ MarketError::WrongVault)]
    pub provider: AccountLoader<'info, Provider>,

    /// CHECK: Named by the provider; is paid.
    #[account(mut)]
    pub earnings_vault: UncheckedAccount<'info>,

    /// CHECK: Named by the lease; only receives the lease's rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,

    /// CHECK: The sysvar, by its address; shows the instruction before this one.
    #[account(address = solana_sdk_ids::sysvar::instructions::ID)]
    pub instructions: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl Settle<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let voucher = precompile::voucher_before(&accounts.instructions, &accounts.job.load()?.attestor)?;

        let mut job = accounts.job.load()?.rules()?;
        let mut lease = accounts.lease.load()?.rules()?;
        let mut node = accounts.node.load()?.rules()?;
        let mut stake = accounts.provider.load()?.stake();
        let mut earnings = accounts.provider.load()?.earnings();
        let place = (Address(crate::ID.to_bytes()), Address(accounts.lease.key().to_bytes()));
        let settlement =
            transitions::settle(&mut job, &mut lease, &mut node, &mut stake, &mut earnings, &voucher, place, now)
                .map_err(MarketError::from)?;
        accounts.job.load_mut()?.update(&job)?;
        accounts.lease.load_mut()?.update(&lease)?;
        accounts.node.load_mut()?.update(&node)?;
        accounts.provider.load_mut()?.update_stake(&stake)?;
        accounts.provider.load_mut()?.update_earnings(&earnings)?;

        let (job_vault, earnings_vault) = (&accounts.job_vault, &accounts.earnings_vault);
        let (job_vault_before, earnings_vault_before) = (tokens::balance(job_vault)?, tokens::balance(earnings_vault)?);
        let owner = accounts.job.load()?;
        let signer: &[&[u8]] = &[seeds::JOB, owner.buyer.as_ref(), &owner.id.to_le_bytes(), &[owner.bump]];
        tokens::transfer(job_vault, earnings_vault, accounts.job.as_ref(), settlement.payment, &[signer])?;
        let (job_vault_after, earnings_vault_after) = (tokens::balance(job_vault)?, tokens::balance(earnings_vault)?);
        tokens::check_vault(job_vault_after, job.vault_balance().map_err(MarketError::from)?)?;
        tokens::check_vault(earnings_vault_after, earnings.total().map_err(MarketError::from)?)?;

        let event = VoucherSettled {
            job: accounts.job.key(),
            lease: accounts.lease.key(),
            number: accounts.lease.load()?.number,
            node: accounts.node.key(),
            provider: accounts.provider.key(),
            sequence: voucher.sequence,
            metered_seconds: voucher.metered.0,
            downtime_seconds: voucher.downtime.0,
            payment: settlement.payment.0,
            fee: settlement.fee.0,
            job_vault_before: job_vault_before.0,
            job_vault_after: job_vault_after.0,
            earnings_vault_before: earnings_vault_before.0,
            earnings_vault_after: earnings_vault_after.0,
            lease_paid: lease.paid.0,
            lease_fees: lease.fees.0,
            outcome: settlement.ended.map(|outcome| outcome as u8),
            result_root: voucher.result_root,
            job_state: job.state as u8,
            at: now.0,
        };
        if settlement.ended.is_some() {
            accounts.lease.close(accounts.rent_payer.to_account_info())?;
        }
        events::emit(&accounts.event_authority, &event)
    }
}
