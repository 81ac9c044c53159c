use super::Movements;
use super::conclude::conclude;
use crate::{Error, Job, Lease, Node, Provider, UnixSeconds};

/// Anyone's crank for a live lease past its [`Lease::deadline`]. What was redeemed is paid, the rest of
/// its reserve returns to the job, and the penalty follows from the outcome. A member of a quorum
/// leaves it with that ([`crate::quorum::Quorum::leave`]).
///
/// # Errors
/// [`Error::LeaseNotLive`], [`Error::DeadlineNotPassed`], [`Error::Overflow`].
pub fn expire_lease(
    job: &mut Job,
    lease: &mut Lease,
    node: &mut Node,
    provider: &mut Provider,
    now: UnixSeconds,
) -> Result<Movements, Error> {
    let (deadline, outcome) = lease.deadline(job)?;
    if now < deadline {
        return Err(Error::DeadlineNotPassed);
    }
    let owed = lease.owed_without_report(outcome, job)?;
    let (mut new_job, mut new_lease, mut new_node, mut new_provider) = (*job, *lease, *node, *provider);
    new_node.give_back(lease.units)?;
    let movements = conclude(&mut new_job, &mut new_lease, &mut new_provider, outcome, owed, now)?;
    (*job, *lease, *node, *provider) = (new_job, new_lease, new_node, new_provider);
    Ok(movements)
}
