use super::Movements;
use super::conclude::conclude;
use crate::{Error, Job, Lease, LeaseState, Provider, UnixSeconds};

/// The buyer's word that nothing is to be disputed: a reported lease is settled as reported, at once.
///
/// # Errors
/// [`Error::LeaseNotReported`], [`Error::NotForQuorum`], [`Error::Overflow`].
pub fn accept_lease(
    job: &mut Job,
    lease: &mut Lease,
    provider: &mut Provider,
    now: UnixSeconds,
) -> Result<Movements, Error> {
    if lease.state != LeaseState::Reported {
        return Err(Error::LeaseNotReported);
    }
    if job.terms.verification.is_quorum() {
        return Err(Error::NotForQuorum);
    }
    as_reported(job, lease, provider, now)
}

/// Settles by the report: everything attested is paid, nothing is slashed.
pub(super) fn as_reported(
    job: &mut Job,
    lease: &mut Lease,
    provider: &mut Provider,
    now: UnixSeconds,
) -> Result<Movements, Error> {
    let owed = lease.owed(job)?;
    let (mut new_job, mut new_lease, mut new_provider) = (*job, *lease, *provider);
    let movements = conclude(&mut new_job, &mut new_lease, &mut new_provider, lease.reported, owed, now)?;
    (*job, *lease, *provider) = (new_job, new_lease, new_provider);
    Ok(movements)
}
