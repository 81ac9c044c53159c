use super::Movements;
use super::accept_lease::as_reported;
use super::conclude::conclude;
use crate::{Dispute, Error, Job, Lease, LeaseOutcome, LeaseState, MicroUsdc, Provider, Ruling, UnixSeconds};

/// The arbiter's ruling. What streaming has paid already stays paid: only the bond and pay that has not
/// been moved can be disputed.
///
/// # Errors
/// [`Error::LeaseNotDisputed`], [`Error::DeadlinePassed`] from the decide-by time on, [`Error::Overflow`].
pub fn resolve_dispute(
    job: &mut Job,
    lease: &mut Lease,
    provider: &mut Provider,
    dispute: &Dispute,
    ruling: Ruling,
    now: UnixSeconds,
) -> Result<Movements, Error> {
    if now >= dispute.decide_by {
        return Err(Error::DeadlinePassed);
    }
    let (mut new_job, mut new_lease, mut new_provider) = (*job, *lease, *provider);
    release_bond(&mut new_job, lease, dispute)?;
    let movements = match ruling {
        Ruling::ProviderRight => {
            new_provider.earnings.receive(dispute.bond, MicroUsdc::ZERO)?;
            let settled = as_reported(&mut new_job, &mut new_lease, &mut new_provider, now)?;
            Movements { challenger_forfeit: dispute.bond, ..settled }
        }
        Ruling::BuyerRight => {
            let wrong = LeaseOutcome::WrongResult;
            let settled = conclude(&mut new_job, &mut new_lease, &mut new_provider, wrong, lease.paid, now)?;
            Movements { challenger_refund: dispute.bond, ..settled }
        }
        Ruling::Split => {
            let open = lease.owed(job)?.minus(lease.paid)?;
            let owed = lease.paid.plus(MicroUsdc(open.0 / 2))?;
            let settled = conclude(&mut new_job, &mut new_lease, &mut new_provider, lease.reported, owed, now)?;
            Movements { challenger_refund: dispute.bond, ..settled }
        }
    };
    (*job, *lease, *provider) = (new_job, new_lease, new_provider);
    Ok(movements)
}

/// The challenger's bond leaves the job's vault, whoever it goes to.
pub(super) fn release_bond(job: &mut Job, lease: &Lease, dispute: &Dispute) -> Result<(), Error> {
    if lease.state != LeaseState::Disputed {
        return Err(Error::LeaseNotDisputed);
    }
    job.dispute_bonds = job.dispute_bonds.minus(dispute.bond).map_err(|_| Error::InvariantBroken)?;
    Ok(())
}
