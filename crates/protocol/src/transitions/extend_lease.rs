use crate::{Error, Job, JobState, Lease, Seconds, UnixSeconds, money};

/// More time for a live lease, out of what is left of the deposit, at the lease's price. The members of a
/// quorum all have the same time, which ends when they must have committed.
///
/// # Errors
/// [`Error::NotForQuorum`], [`Error::JobNotOpen`], [`Error::LeaseNotLive`], [`Error::DeadlinePassed`] past the lease's end or after
/// notice, [`Error::LeaseLengthInvalid`] for no time or more than the job's terms allow,
/// [`Error::DepositExhausted`], [`Error::Overflow`].
pub fn extend_lease(job: &mut Job, lease: &mut Lease, more: Seconds, now: UnixSeconds) -> Result<(), Error> {
    if job.terms.verification.is_quorum() {
        return Err(Error::NotForQuorum);
    }
    if job.state != JobState::Active {
        return Err(Error::JobNotOpen);
    }
    if !lease.state.is_live() {
        return Err(Error::LeaseNotLive);
    }
    if now >= lease.ends_by || lease.preempted_at > UnixSeconds::ZERO {
        return Err(Error::DeadlinePassed);
    }
    let maximum = lease.maximum.plus(more)?;
    if more == Seconds::ZERO || maximum > job.terms.lease_seconds {
        return Err(Error::LeaseLengthInvalid);
    }
    let further = money::cost(lease.price, lease.units, maximum)?.minus(lease.worst_case()?)?;
    if further > job.available()? {
        return Err(Error::DepositExhausted);
    }
    let ends_by = lease.ends_by.after(more)?;
    let reserved = lease.reserved.plus(further)?;
    job.reserved = job.reserved.plus(further)?;
    lease.reserved = reserved;
    lease.maximum = maximum;
    lease.ends_by = ends_by;
    Ok(())
}
