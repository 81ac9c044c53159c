use crate::{Error, Job, Lease, Parameters, UnixSeconds};

/// The scheduler's notice to a spot lease: it is paid up to the end of the notice and ends then, without
/// blame; the job keeps its escrow and goes on elsewhere.
///
/// # Errors
/// [`Error::NotSpot`], [`Error::LeaseNotLive`], [`Error::PreemptedAlready`], [`Error::Overflow`].
pub fn notice_preemption(job: &Job, lease: &mut Lease, parameters: &Parameters, now: UnixSeconds) -> Result<(), Error> {
    if !job.terms.spot {
        return Err(Error::NotSpot);
    }
    if !lease.state.is_live() {
        return Err(Error::LeaseNotLive);
    }
    if lease.preempted_at > UnixSeconds::ZERO {
        return Err(Error::PreemptedAlready);
    }
    lease.preempted_at = now.after(parameters.preemption_notice)?;
    Ok(())
}
