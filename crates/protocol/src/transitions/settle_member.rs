use super::Movements;
use super::conclude::conclude;
use crate::quorum::Quorum;
use crate::{Address, Error, Job, Lease, LeaseOutcome, LeaseState, Provider, UnixSeconds};

/// Anyone's crank after the count: the winners of a quorum are paid, the others lose their bond, and
/// where nobody won, nobody is paid and the job goes on. `address` is where the lease lives.
///
/// A cancel takes members out of a round that might have won with them. Who has revealed by then is paid
/// although nobody won: a buyer who has seen a result must not get it for nothing by cancelling.
///
/// # Errors
/// [`Error::LeaseNotReported`] while the lease is live, [`Error::QuorumUndecided`], [`Error::NotAMember`],
/// [`Error::Overflow`].
pub fn settle_member(
    job: &mut Job,
    lease: &mut Lease,
    provider: &mut Provider,
    quorum: &mut Quorum,
    address: Address,
    now: UnixSeconds,
) -> Result<Movements, Error> {
    if lease.state != LeaseState::Reported {
        return Err(Error::LeaseNotReported);
    }
    let (mut new_job, mut new_lease, mut new_provider, mut new_quorum) = (*job, *lease, *provider, *quorum);
    let (outcome, owed) = match new_quorum.judge(address)? {
        LeaseOutcome::Completed => (lease.reported, lease.owed(job)?),
        LeaseOutcome::NoQuorum if job.is_cancelled() => (LeaseOutcome::NoQuorum, lease.owed(job)?),
        without_pay => (without_pay, lease.paid),
    };
    let movements = conclude(&mut new_job, &mut new_lease, &mut new_provider, outcome, owed, now)?;
    (*job, *lease, *provider, *quorum) = (new_job, new_lease, new_provider, new_quorum);
    Ok(movements)
}
