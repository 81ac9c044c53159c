use crate::{BasisPoints, Error, Job, Lease, LeaseOutcome, MicroUsdc, Provider, UnixSeconds, money};

/// The money that a transition moves between vaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Movements {
    /// From the job's vault to the provider's earnings vault, fee included.
    pub payment: MicroUsdc,
    /// The network's part of `payment`.
    pub fee: MicroUsdc,
    /// From the provider's stake vault into the job's vault: a penalty, a credit, or both.
    pub compensation: MicroUsdc,
    /// From the provider's stake vault into its earnings vault, as the network's.
    pub forfeit: MicroUsdc,
    /// A challenger's bond, from the job's vault back to the challenger.
    pub challenger_refund: MicroUsdc,
    /// A challenger's bond, from the job's vault to the provider's earnings vault, as the provider's.
    pub challenger_forfeit: MicroUsdc,
    /// Set when the lease has ended: by this outcome, if it is settled, and as this report otherwise.
    pub ended: Option<LeaseOutcome>,
    /// The lease is settled; its account goes. If it was live until now, a quorum's member leaves the round.
    pub settled: bool,
}

/// Pays `owed` less what was paid: out of the lease's reserve, into the provider's earnings.
pub(super) fn pay(
    job: &mut Job,
    lease: &mut Lease,
    provider: &mut Provider,
    owed: MicroUsdc,
) -> Result<Movements, Error> {
    let owed_fee = money::share(owed, lease.fee)?;
    let payment = owed.minus(lease.paid)?;
    let fee = owed_fee.minus(lease.fees)?;
    let net = payment.minus(fee)?;
    lease.reserved = lease.reserved.minus(payment).map_err(|_| Error::InvariantBroken)?;
    lease.paid = owed;
    lease.fees = owed_fee;
    job.reserved = job.reserved.minus(payment).map_err(|_| Error::InvariantBroken)?;
    job.paid = job.paid.plus(net)?;
    job.fees = job.fees.plus(fee)?;
    provider.earnings.receive(net, fee)?;
    Ok(Movements { payment, fee, ..Movements::default() })
}

/// Gives back to the job what of the lease's reserve goes beyond `owed`.
pub(super) fn return_reserve(job: &mut Job, lease: &mut Lease, owed: MicroUsdc) -> Result<(), Error> {
    let kept = owed.minus(lease.paid)?;
    let unused = lease.reserved.minus(kept).map_err(|_| Error::InvariantBroken)?;
    lease.reserved = kept;
    job.reserved = job.reserved.minus(unused).map_err(|_| Error::InvariantBroken)?;
    Ok(())
}

/// Settles a lease for good: pays what is owed in all, takes from the bond what the outcome costs,
/// frees the rest, books the provider's reputation and the job's next state.
///
/// A wrong result costs the whole bond: the buyer is made whole first, the rest is the network's.
/// Otherwise the buyer gets the penalty and the service level's credit, up to the bond.
pub(super) fn conclude(
    job: &mut Job,
    lease: &mut Lease,
    provider: &mut Provider,
    outcome: LeaseOutcome,
    owed: MicroUsdc,
    now: UnixSeconds,
) -> Result<Movements, Error> {
    let live = lease.state.is_live();
    let mut movements = pay(job, lease, provider, owed)?;
    return_reserve(job, lease, owed)?;

    if outcome == LeaseOutcome::WrongResult {
        movements.compensation = lease.paid.min(lease.bond);
        movements.forfeit = lease.bond.minus(movements.compensation)?;
    } else {
        let penalty = match outcome {
            LeaseOutcome::Abandoned => lease.abandon_penalty,
            LeaseOutcome::Lost => lease.lost_penalty,
            _ => BasisPoints::ZERO,
        };
        let credit = job.terms.service_level.credit(lease.metered, lease.downtime, lease.started_late);
        let due = money::share(lease.bond, penalty)?.plus(money::share(owed, credit)?)?;
        movements.compensation = due.min(lease.bond);
    }
    provider.stake.release(lease.bond, movements.compensation.plus(movements.forfeit)?)?;
    provider.earnings.receive(MicroUsdc::ZERO, movements.forfeit)?;
    job.compensation = job.compensation.plus(movements.compensation)?;

    let (good, bad) = if outcome.is_providers_fault() {
        // What failed paid no fee to weigh; it weighs what it would have paid.
        (MicroUsdc::ZERO, money::share(lease.worst_case()?, lease.fee)?)
    } else if outcome == LeaseOutcome::NoQuorum {
        (MicroUsdc::ZERO, MicroUsdc::ZERO)
    } else {
        (lease.fees, MicroUsdc::ZERO)
    };
    provider.reputation.record(good, bad, now)?;
    job.settle_lease(outcome, live, now)?;
    Ok(Movements { ended: Some(outcome), settled: true, ..movements })
}
