use std::fmt;

use millrace_protocol::{Address, JobTerms};

use super::{Receipt, Sender};
use crate::accounts::{AnyAccount, BuyerAccount};
use crate::instructions::{NewJob, NewPrepaidJob};
use crate::{Error, Instruction, Keypair, address};

type Test = Box<dyn Fn(Option<&AnyAccount>) -> bool + Send + Sync>;

/// What a transaction is to bring about, told by one account: how a repeat knows that it is done already.
pub struct Goal {
    address: Address,
    is_reached: Test,
}

impl Goal {
    /// Reached when `is_reached` says so of the account at `address`; it is given `None` where there is none.
    pub fn new(address: Address, is_reached: impl Fn(Option<&AnyAccount>) -> bool + Send + Sync + 'static) -> Self {
        Self { address, is_reached: Box::new(is_reached) }
    }

    /// A job is open, or was, with these terms or what the buyer has extended them to. Another job of the
    /// buyer's under the same id is not this one.
    pub fn job_opened(job: NewJob) -> Self {
        Self::new(address::job(job.buyer, job.id), move |account| match account {
            Some(AnyAccount::Job(found)) => {
                (found.buyer, found.funder, found.id, found.spec_hash, found.attestor)
                    == (job.buyer, job.funder, job.id, job.spec_hash, job.attestor)
                    && is_extension(found.job.terms, job.terms)
            }
            _ => false,
        })
    }

    /// The same with its deposit from this balance, whoever signed: its owner or a delegate.
    pub fn prepaid_job_opened(balance: &BuyerAccount, job: NewPrepaidJob) -> Self {
        let NewPrepaidJob { authority: _, id, spec_hash, terms, attestor } = job;
        // No other kind of job has a balance for its funder.
        let (buyer, funder, mint) = (balance.owner, balance.address, balance.mint);
        Self::job_opened(NewJob { buyer, funder, mint, id, spec_hash, terms, attestor })
    }

    /// A job is cancelled, by its account. One that is closed has none: its history tells.
    pub fn job_cancelled(job: Address) -> Self {
        Self::new(job, |account| matches!(account, Some(AnyAccount::Job(found)) if found.job.cancelled_at.0 > 0))
    }

    /// The account is gone, as a job's is after `close_job`. An address where there never was one looks
    /// the same.
    pub fn gone(address: Address) -> Self {
        Self::new(address, |account| account.is_none())
    }
}

/// Whether a buyer may have come from `asked` to `found`: only these three ever grow.
fn is_extension(found: JobTerms, asked: JobTerms) -> bool {
    let JobTerms { deposit, lease_seconds, start_window, .. } = asked;
    found.deposit >= deposit
        && found.lease_seconds >= lease_seconds
        && found.start_window >= start_window
        && JobTerms { deposit, lease_seconds, start_window, ..found } == asked
}

impl fmt::Debug for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Goal").field("address", &self.address).finish_non_exhaustive()
    }
}

/// How a goal was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By this transaction.
    Landed(Receipt),
    /// Before: by an earlier call, another process, or somebody else. Nothing was paid now, unless the
    /// transaction met the other one only in its block and cost its fee.
    AlreadyThere,
}

impl Sender {
    /// Like [`Self::send`], for work that may have been done before: after a crash, a lost answer, or by a
    /// second process with the same key. Where sending fails and the goal turns out to be reached, that is
    /// a success.
    ///
    /// # Errors
    /// Those of [`Self::send`] while the goal is not reached.
    pub async fn send_once(
        &self,
        goal: &Goal,
        instructions: &[Instruction],
        signers: &[&Keypair],
    ) -> Result<Outcome, Error> {
        let error = match self.send(instructions, signers).await {
            Ok(receipt) => return Ok(Outcome::Landed(receipt)),
            Err(error) => error,
        };
        match self.client().find_any(goal.address).await {
            Ok(account) if (goal.is_reached)(account.as_ref()) => Ok(Outcome::AlreadyThere),
            _ => Err(error),
        }
    }
}
