use super::Movements;
use super::accept_lease::as_reported;
use super::resolve_dispute::release_bond;
use crate::{Dispute, Error, Job, Lease, Provider, UnixSeconds};

/// Anyone's crank for a dispute that nobody decided: settled as reported, no slash, the challenger's bond
/// returns. A silent arbiter must not make disputing pay.
///
/// # Errors
/// [`Error::LeaseNotDisputed`], [`Error::DeadlineNotPassed`], [`Error::Overflow`].
pub fn expire_dispute(
    job: &mut Job,
    lease: &mut Lease,
    provider: &mut Provider,
    dispute: &Dispute,
    now: UnixSeconds,
) -> Result<Movements, Error> {
    if now < dispute.decide_by {
        return Err(Error::DeadlineNotPassed);
    }
    let mut new_job = *job;
    release_bond(&mut new_job, lease, dispute)?;
    let settled = as_reported(&mut new_job, lease, provider, now)?;
    *job = new_job;
    Ok(Movements { challenger_refund: dispute.bond, ..settled })
}
