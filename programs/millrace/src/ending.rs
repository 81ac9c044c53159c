//! Everything that settles a lease but a voucher: the accounts they share, and the one way in which the
//! money that a transition has booked is moved between a job's vault and a provider's two.

use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::transitions::Movements;
use millrace_protocol::{self as protocol, seeds, MicroUsdc, UnixSeconds};

use crate::events::{LeaseSettled, SettledBy};
use crate::state::{Job, Lease, Provider};
use crate::{tokens, MarketError};

/// The lease that ends, whose money it is, and where the money goes.
#[derive(Accounts)]
pub struct LeaseParties<'info> {
    #[account(mut, has_one = job_vault @ MarketError::WrongVault)]
    pub job: AccountLoader<'info, Job>,

    /// CHECK: Named by the job.
    #[account(mut)]
    pub job_vault: UncheckedAccount<'info>,

    #[account(
        mut,
        close = rent_payer,
        has_one = job @ MarketError::WrongJob,
        has_one = provider @ MarketError::WrongProvider,
        has_one = rent_payer @ MarketError::WrongRentPayer,
    )]
    pub lease: AccountLoader<'info, Lease>,

    #[account(
        mut,
        has_one = stake_vault @ MarketError::WrongVault,
        has_one = earnings_vault @ MarketError::WrongVault,
    )]
    pub provider: AccountLoader<'info, Provider>,

    /// CHECK: Named by the provider.
    #[account(mut)]
    pub stake_vault: UncheckedAccount<'info>,

    /// CHECK: Named by the provider.
    #[account(mut)]
    pub earnings_vault: UncheckedAccount<'info>,

    /// CHECK: Named by the lease; only receives the lease's rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl<'info> LeaseParties<'info> {
    /// Runs the transition, writes what it changed, moves its money, and returns the event. A bond that goes
    /// back goes to `challenger`, a token account.
    ///
    /// # Errors
    /// The transition's; [`MarketError::VaultShort`]; the token program's.
    pub fn settle(
        &self,
        by: SettledBy,
        now: UnixSeconds,
        challenger: Option<&AccountInfo<'info>>,
        transition: impl FnOnce(
            &mut protocol::Job,
            &mut protocol::Lease,
            &mut protocol::Provider,
        ) -> std::result::Result<Movements, protocol::Error>,
    ) -> Result<LeaseSettled> {
        let mut job = self.job.load()?.rules()?;
        let mut lease = self.lease.load()?.rules()?;
        let mut provider = self.provider.load()?.rules()?;
        let movements = transition(&mut job, &mut lease, &mut provider).map_err(MarketError::from)?;
        self.job.load_mut()?.update(&job)?;
        self.provider.load_mut()?.update(&provider)?;

        let vaults = Vaults {
            job: &self.job,
            job_vault: &self.job_vault,
            provider: &self.provider,
            stake_vault: &self.stake_vault,
            earnings_vault: &self.earnings_vault,
        };
        let before = vaults.balances()?;
        if let Some(challenger) = challenger {
            vaults.pay_from_job(challenger, movements.challenger_refund)?;
        }
        vaults.move_money(&movements)?;
        let after = vaults.balances()?;
        after.check(&job, &provider)?;

        let account = self.lease.load()?;
        Ok(LeaseSettled {
            job: account.job,
            lease: self.lease.key(),
            number: account.number,
            node: account.node,
            provider: account.provider,
            by,
            outcome: movements.ended.unwrap_or_default() as u8,
            sequence: lease.sequence,
            metered_seconds: lease.metered.0,
            payment: movements.payment.0,
            fee: movements.fee.0,
            lease_paid: lease.paid.0,
            lease_fees: lease.fees.0,
            bond: lease.bond.0,
            compensation: movements.compensation.0,
            forfeit: movements.forfeit.0,
            challenger_refund: movements.challenger_refund.0,
            challenger_forfeit: movements.challenger_forfeit.0,
            before,
            after,
            job_state: job.state as u8,
            at: now.0,
        })
    }
}

/// A job's vault and a provider's two, with the accounts that sign for them.
pub struct Vaults<'a, 'info> {
    pub job: &'a AccountLoader<'info, Job>,
    pub job_vault: &'a AccountInfo<'info>,
    pub provider: &'a AccountLoader<'info, Provider>,
    pub stake_vault: &'a AccountInfo<'info>,
    pub earnings_vault: &'a AccountInfo<'info>,
}

/// What the three vaults hold, in micro-USDC.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balances {
    pub job_vault: u64,
    pub stake_vault: u64,
    pub earnings_vault: u64,
}

impl Balances {
    /// Each vault holds at least its ledger.
    ///
    /// # Errors
    /// [`MarketError::VaultShort`].
    pub fn check(&self, job: &protocol::Job, provider: &protocol::Provider) -> Result<()> {
        tokens::check_vault(MicroUsdc(self.job_vault), job.vault_balance().map_err(MarketError::from)?)?;
        tokens::check_vault(MicroUsdc(self.stake_vault), provider.stake.total)?;
        tokens::check_vault(MicroUsdc(self.earnings_vault), provider.earnings.total().map_err(MarketError::from)?)
    }
}

impl<'info> Vaults<'_, 'info> {
    /// # Errors
    /// Those of [`tokens::balance`].
    pub fn balances(&self) -> Result<Balances> {
        Ok(Balances {
            job_vault: tokens::balance(self.job_vault)?.0,
            stake_vault: tokens::balance(self.stake_vault)?.0,
            earnings_vault: tokens::balance(self.earnings_vault)?.0,
        })
    }

    /// Moves what a transition has booked, but for a challenger's refund.
    ///
    /// # Errors
    /// The token program's refusal.
    pub fn move_money(&self, movements: &Movements) -> Result<()> {
        let earned = movements.payment.plus(movements.challenger_forfeit).map_err(MarketError::from)?;
        self.pay_from_job(self.earnings_vault, earned)?;
        self.pay_from_stake(self.job_vault, movements.compensation)?;
        self.pay_from_stake(self.earnings_vault, movements.forfeit)
    }

    fn pay_from_job(&self, to: &AccountInfo<'info>, amount: MicroUsdc) -> Result<()> {
        if amount == MicroUsdc::ZERO {
            return Ok(());
        }
        let owner = self.job.load()?;
        let signer: &[&[u8]] = &[seeds::JOB, owner.buyer.as_ref(), &owner.id.to_le_bytes(), &[owner.bump]];
        tokens::transfer(self.job_vault, to, self.job.as_ref(), amount, &[signer])
    }

    fn pay_from_stake(&self, to: &AccountInfo<'info>, amount: MicroUsdc) -> Result<()> {
        if amount == MicroUsdc::ZERO {
            return Ok(());
        }
        let owner = self.provider.load()?;
        let signer: &[&[u8]] = &[seeds::PROVIDER, owner.owner.as_ref(), &[owner.bump]];
        tokens::transfer(self.stake_vault, to, self.provider.as_ref(), amount, &[signer])
    }
}
