use anchor_lang::prelude::*;
use millrace_protocol::{self as protocol, JobState, MicroUsdc, Seconds, UnixSeconds};

use super::check_version;
use crate::constants::SPARE;
use crate::types::JobTerms;
use crate::MarketError;

/// A job and the ledger of its vault. Seeds: `job`, buyer, id.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Job {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    /// 0 open, 1 active, 2 cancelling, 3 done, 4 expired.
    pub state: u8,
    /// Not 0: the deposit came from the buyer's balance and returns to it; `funder` is that account.
    pub prepaid: u8,
    /// The number of the next lease.
    pub leases_opened: u32,
    pub buyer: Pubkey,
    /// Paid the deposit, and gets back what is left.
    pub funder: Pubkey,
    /// Whose vouchers count; zeros for whoever is the network's scheduler when a lease is opened.
    pub attestor: Pubkey,
    pub mint: Pubkey,
    /// The job's own money. Seeds: `vault`, job.
    pub job_vault: Pubkey,
    /// Paid for the accounts of the job and its vault.
    pub rent_payer: Pubkey,
    /// SHA-256 of the canonical job file.
    pub spec_hash: [u8; 32],
    pub terms: JobTerms,
    /// Chosen by the buyer; free again once the job is closed.
    pub id: u64,
    /// Held for leases that are not settled, in micro-USDC.
    pub reserved: u64,
    /// Went to providers, fees not included, in micro-USDC.
    pub paid: u64,
    /// Went to the network, in micro-USDC.
    pub fees: u64,
    /// Came in from bonds of nodes that failed the job, in micro-USDC.
    pub compensation: u64,
    /// Bonds of challengers whose disputes are open, in micro-USDC.
    pub dispute_bonds: u64,
    /// Slot in which the job was opened; one of the seeds of its leases. A buyer may use an id again
    /// after the job was closed, and no voucher of the earlier job may fit a lease of the later one.
    pub opened_slot: u64,
    /// Unix seconds.
    pub opened_at: u64,
    /// When anyone may expire the job while it is open; Unix seconds.
    pub start_deadline: u64,
    /// Unix seconds; zero until cancelled.
    pub cancelled_at: u64,
    /// Seconds from a cancel until anyone may end the live leases.
    pub settle_grace: u64,
    /// Round of the open quorum, or of the next one.
    pub quorum_round: u32,
    pub live_leases: u16,
    /// Leases that have ended and are not settled.
    pub reported_leases: u16,
    pub attempts_failed: u16,
    /// Disputes by the buyer about this job that were ruled for the provider.
    pub disputes_lost: u16,
    /// Not 0: the lease that ended last left nothing to do.
    pub completed: u8,
    /// Not 0: the account of the round in `quorum_round` exists.
    pub quorum_open: u8,
    pub padding: [u8; 2],
    pub spare: [u8; SPARE],
}

impl Job {
    /// # Errors
    /// [`MarketError::UnknownVersion`]; [`MarketError::InvariantBroken`] for a state that does not exist.
    pub fn rules(&self) -> std::result::Result<protocol::Job, MarketError> {
        check_version(self.version)?;
        Ok(protocol::Job {
            terms: self.terms.try_into()?,
            state: JobState::try_from(self.state)?,
            reserved: MicroUsdc(self.reserved),
            paid: MicroUsdc(self.paid),
            fees: MicroUsdc(self.fees),
            compensation: MicroUsdc(self.compensation),
            dispute_bonds: MicroUsdc(self.dispute_bonds),
            live_leases: self.live_leases,
            reported_leases: self.reported_leases,
            completed: self.completed != 0,
            leases_opened: self.leases_opened,
            attempts_failed: self.attempts_failed,
            start_deadline: UnixSeconds(self.start_deadline),
            cancelled_at: UnixSeconds(self.cancelled_at),
            settle_grace: Seconds(self.settle_grace),
        })
    }

    /// # Errors
    /// [`MarketError::InvariantBroken`].
    pub fn update(&mut self, job: &protocol::Job) -> Result<()> {
        self.terms = job.terms.into();
        self.state = job.state as u8;
        self.reserved = job.reserved.0;
        self.paid = job.paid.0;
        self.fees = job.fees.0;
        self.compensation = job.compensation.0;
        self.dispute_bonds = job.dispute_bonds.0;
        self.live_leases = job.live_leases;
        self.reported_leases = job.reported_leases;
        self.completed = job.completed.into();
        self.leases_opened = job.leases_opened;
        self.attempts_failed = job.attempts_failed;
        self.start_deadline = job.start_deadline.0;
        self.cancelled_at = job.cancelled_at.0;
        self.settle_grace = job.settle_grace.0;
        Ok(job.invariant().map_err(MarketError::from)?)
    }
}
