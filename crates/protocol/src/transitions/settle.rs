use super::Movements;
use super::conclude::{conclude, pay, return_reserve};
use crate::voucher::Voucher;
use crate::{Address, Error, Job, Lease, LeaseOutcome, LeaseState, Node, Payment, Provider, Seconds, UnixSeconds};

/// How far an attestor's clock may run ahead of the chain's.
pub const CLOCK_SLACK: Seconds = Seconds(5);

/// Redeems a voucher whose signature has been checked: pays what it attests beyond the last one, and
/// ends the lease if it is final. `program` and `address` are where the lease lives.
///
/// A voucher is good as long as the lease is live, also past a deadline nobody has cranked: work done
/// is money owed. After a cancel or a preemption, seconds past it are attested but not paid.
///
/// A final voucher settles the lease, unless its result can be disputed or is counted in a quorum: then
/// the units are free, what goes beyond the time attested returns to the job, and the bond stays.
///
/// In a quorum only `Completed` and `Failed` are results, which the count judges. A member with any other
/// exit class is settled here and leaves the round ([`crate::quorum::Quorum::leave`], whenever
/// [`Movements::settled`] is set): neither can the attestor's word alone slash it, nor does that word alone
/// pay it, unless it was sent away by a cancel or a notice. The attestor leaves the result root of a
/// quorum's vouchers zero: who has not committed yet must not read it there.
///
/// A node's fault is the attestor's word too: it costs the attempt, the reputation and, paid on result,
/// the pay, but nothing of the bond.
///
/// # Errors
/// [`Error::LeaseNotLive`], [`Error::VoucherForeign`], [`Error::VoucherStale`],
/// [`Error::VoucherFallsBack`], [`Error::VoucherAheadOfClock`], [`Error::VoucherBeyondLease`],
/// [`Error::Overflow`].
pub fn settle(
    job: &mut Job,
    lease: &mut Lease,
    node: &mut Node,
    provider: &mut Provider,
    voucher: &Voucher,
    (program, address): (Address, Address),
    now: UnixSeconds,
) -> Result<Movements, Error> {
    if voucher.program != program || voucher.lease != address {
        return Err(Error::VoucherForeign);
    }
    if !lease.state.is_live() {
        return Err(Error::LeaseNotLive);
    }
    if voucher.sequence <= lease.sequence {
        return Err(Error::VoucherStale);
    }
    if voucher.metered < lease.metered || voucher.downtime < lease.downtime {
        return Err(Error::VoucherFallsBack);
    }
    let elapsed = now.since(lease.opened_at).plus(CLOCK_SLACK)?;
    if voucher.metered.plus(voucher.downtime)? > elapsed {
        return Err(Error::VoucherAheadOfClock);
    }
    if voucher.metered > lease.maximum {
        return Err(Error::VoucherBeyondLease);
    }

    let (mut new_job, mut new_lease, mut new_node, mut new_provider) = (*job, *lease, *node, *provider);
    if lease.state == LeaseState::Assigned {
        new_lease.started_late = now >= lease.start_by;
        new_lease.state = LeaseState::Running;
    }
    new_lease.sequence = voucher.sequence;
    new_lease.metered = voucher.metered;
    new_lease.downtime = voucher.downtime;
    new_lease.attested_at = now;
    new_lease.checkpoint_by = now.after(lease.checkpoint_interval)?;

    let movements = if voucher.is_final {
        let outcome = LeaseOutcome::from(voucher.exit_class);
        new_node.give_back(lease.units)?;
        end(&mut new_job, &mut new_lease, &mut new_provider, outcome, now)?
    } else {
        let due = new_lease.due(&new_job)?;
        pay(&mut new_job, &mut new_lease, &mut new_provider, due)?
    };
    (*job, *lease, *node, *provider) = (new_job, new_lease, new_node, new_provider);
    Ok(movements)
}

fn end(
    job: &mut Job,
    lease: &mut Lease,
    provider: &mut Provider,
    outcome: LeaseOutcome,
    now: UnixSeconds,
) -> Result<Movements, Error> {
    let quorum = job.terms.verification.is_quorum();
    let faulty = outcome == LeaseOutcome::NodeFault;
    let unpaid_member = quorum && !outcome.finishes_job() && !lease.was_sent_away(job);
    let owed = match job.terms.payment {
        Payment::OnResult if faulty || unpaid_member => lease.paid,
        _ => lease.owed(job)?,
    };
    let waits = if quorum { outcome.finishes_job() } else { !faulty && job.terms.dispute_window > Seconds::ZERO };
    if !waits {
        return conclude(job, lease, provider, outcome, owed, now);
    }
    let due = lease.due(job)?;
    let movements = pay(job, lease, provider, due)?;
    return_reserve(job, lease, owed)?;
    lease.state = LeaseState::Reported;
    lease.reported = outcome;
    // A quorum is not disputed but counted.
    lease.disputable_until = if quorum { now } else { now.after(job.terms.dispute_window)? };
    job.report_lease(outcome)?;
    Ok(Movements { ended: Some(outcome), ..movements })
}
