use super::Movements;
use super::accept_lease::accept_lease;
use crate::{Error, Job, Lease, Provider, UnixSeconds};

/// Anyone's crank for a reported lease to which nobody objected: settled as reported.
///
/// # Errors
/// [`Error::LeaseNotReported`], [`Error::NotForQuorum`], [`Error::DeadlineNotPassed`] while it may be
/// disputed, [`Error::Overflow`].
pub fn finalize_lease(
    job: &mut Job,
    lease: &mut Lease,
    provider: &mut Provider,
    now: UnixSeconds,
) -> Result<Movements, Error> {
    if now < lease.disputable_until {
        return Err(Error::DeadlineNotPassed);
    }
    accept_lease(job, lease, provider, now)
}
