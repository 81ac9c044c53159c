use crate::{Dispute, Error, Job, Lease, LeaseState, Parameters, UnixSeconds, money};

/// Challenges a reported lease while its window is open. The challenger's bond, returned in
/// [`Dispute::bond`], moves into the job's vault.
///
/// # Errors
/// [`Error::LeaseNotReported`], [`Error::NotForQuorum`], [`Error::DeadlinePassed`] when the window is
/// over, [`Error::Overflow`].
pub fn open_dispute(
    job: &mut Job,
    lease: &mut Lease,
    parameters: &Parameters,
    now: UnixSeconds,
) -> Result<Dispute, Error> {
    if lease.state != LeaseState::Reported {
        return Err(Error::LeaseNotReported);
    }
    if job.terms.verification.is_quorum() {
        return Err(Error::NotForQuorum);
    }
    if now >= lease.disputable_until {
        return Err(Error::DeadlinePassed);
    }
    let share = money::share(lease.owed(job)?, parameters.dispute_bond)?;
    let bond = share.max(parameters.minimum_dispute_bond);
    let decide_by = now.after(parameters.decide_window)?;
    job.dispute_bonds = job.dispute_bonds.plus(bond)?;
    lease.state = LeaseState::Disputed;
    Ok(Dispute { bond, opened_at: now, decide_by })
}
