use anchor_lang::prelude::*;
use anchor_spl::token::{Token, TokenAccount};
use millrace_protocol::{seeds, transitions, Address};

use crate::events::VoucherSettled;
use crate::state::{Job, Lease, Node, Provider};
use crate::{clock, precompile, tokens, MarketError};

/// Needs no signer of its own: the voucher's signature is all the authority there is. Does not read
/// the config either, so that no change of it reprices or stops work under way.
#[event_cpi]
#[derive(Accounts)]
pub struct Settle<'info> {
    #[account(mut)]
    pub job: Box<Account<'info, Job>>,

    /// Pays.
    #[account(mut, seeds = [seeds::JOB_VAULT, job.key().as_ref()], bump = job.vault_bump)]
    pub job_vault: Box<Account<'info, TokenAccount>>,

    /// Closed by a final voucher.
    #[account(
        mut,
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

    /// Is paid.
    #[account(mut, seeds = [seeds::EARNINGS_VAULT, provider.key().as_ref()], bump = provider.earnings_vault_bump)]
    pub earnings_vault: Box<Account<'info, TokenAccount>>,

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
        let accounts = &mut *ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let voucher = precompile::voucher_before(&accounts.instructions, &accounts.job.attestor)?;
        let (job_vault_before, earnings_vault_before) = (accounts.job_vault.amount, accounts.earnings_vault.amount);

        let mut job = accounts.job.rules().map_err(MarketError::from)?;
        let mut lease = accounts.lease.rules().map_err(MarketError::from)?;
        let mut node = accounts.node.rules().map_err(MarketError::from)?;
        let mut stake = accounts.provider.stake();
        let mut earnings = accounts.provider.earnings();
        let place = (Address(crate::ID.to_bytes()), Address(accounts.lease.key().to_bytes()));
        let settlement =
            transitions::settle(&mut job, &mut lease, &mut node, &mut stake, &mut earnings, &voucher, place, now)
                .map_err(MarketError::from)?;

        accounts.job.update(&job)?;
        accounts.lease.update(&lease)?;
        accounts.node.update(&node)?;
        accounts.provider.update_stake(&stake)?;
        accounts.provider.update_earnings(&earnings)?;

        let authority = accounts.job.to_account_info();
        let id = accounts.job.id.to_le_bytes();
        let signer: &[&[u8]] = &[seeds::JOB, accounts.job.buyer.as_ref(), &id, &[accounts.job.bump]];
        tokens::transfer(
            &mut accounts.job_vault,
            &mut accounts.earnings_vault,
            authority,
            settlement.payment,
            &[signer],
        )?;
        tokens::check_vault(&accounts.job_vault, job.vault_balance().map_err(MarketError::from)?)?;
        tokens::check_vault(&accounts.earnings_vault, earnings.total().map_err(MarketError::from)?)?;

        let event = VoucherSettled {
            job: accounts.job.key(),
            lease: accounts.lease.key(),
            number: accounts.lease.number,
            node: accounts.node.key(),
            provider: accounts.provider.key(),
            sequence: voucher.sequence,
            metered_seconds: voucher.metered.0,
            downtime_seconds: voucher.downtime.0,
            payment: settlement.payment.0,
            fee: settlement.fee.0,
            job_vault_before,
            job_vault_after: accounts.job_vault.amount,
            earnings_vault_before,
            earnings_vault_after: accounts.earnings_vault.amount,
            lease_paid: lease.paid.0,
            lease_fees: lease.fees.0,
            outcome: settlement.ended.map(|outcome| outcome as u8),
            result_root: voucher.result_root,
            job_state: accounts.job.state,
            at: now.0,
        };
        if settlement.ended.is_some() {
            accounts.lease.close(accounts.rent_payer.to_account_info())?;
        }
        emit_cpi!(event);
        Ok(())
    }
}
