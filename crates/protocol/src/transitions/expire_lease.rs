use crate::{Error, Job, Lease, LeaseOutcome, MicroUsdc, Node, Stake, UnixSeconds, money};

/// What ending a silent lease moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    pub outcome: LeaseOutcome,
    /// From the provider's stake vault into the job's vault.
    pub penalty: MicroUsdc,
}

/// Anyone's crank for a lease past its [`Lease::deadline`]. What was redeemed stays paid, the rest
/// of its reserve returns to the job, and the penalty follows from the outcome.
///
/// # Errors
/// [`Error::DeadlineNotPassed`], [`Error::Overflow`].
pub fn expire_lease(
    job: &mut Job,
    lease: &mut Lease,
    node: &mut Node,
    stake: &mut Stake,
    now: UnixSeconds,
) -> Result<Expiry, Error> {
    let (deadline, outcome) = lease.deadline(job)?;
    if now < deadline {
        return Err(Error::DeadlineNotPassed);
    }
    let penalty = match outcome {
        LeaseOutcome::Abandoned => money::share(lease.bond, lease.abandon_penalty)?,
        LeaseOutcome::Lost => money::share(lease.bond, lease.lost_penalty)?,
        _ => MicroUsdc::ZERO,
    };
    let (mut new_job, mut new_node, mut new_stake) = (*job, *node, *stake);
    new_job.reserved = job.reserved.minus(lease.reserved).map_err(|_| Error::InvariantBroken)?;
    new_job.compensation = job.compensation.plus(penalty)?;
    new_node.give_back(lease.units)?;
    new_stake.release(lease.bond, penalty)?;
    new_job.end_lease(outcome, now)?;
    (*job, *node, *stake) = (new_job, new_node, new_stake);
    lease.reserved = MicroUsdc::ZERO;
    Ok(Expiry { outcome, penalty })
}
