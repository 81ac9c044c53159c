use crate::{Error, Job, JobState, JobTerms, MicroUsdc, Parameters, UnixSeconds};

/// A new job; its whole deposit moves into the job's vault.
///
/// # Errors
/// Those of [`JobTerms::check`].
pub fn open_job(terms: JobTerms, parameters: &Parameters, now: UnixSeconds) -> Result<Job, Error> {
    terms.check()?;
    Ok(Job {
        terms,
        state: JobState::Open,
        reserved: MicroUsdc::ZERO,
        paid: MicroUsdc::ZERO,
        fees: MicroUsdc::ZERO,
        compensation: MicroUsdc::ZERO,
        dispute_bonds: MicroUsdc::ZERO,
        live_leases: 0,
        reported_leases: 0,
        completed: false,
        leases_opened: 0,
        attempts_failed: 0,
        start_deadline: now.after(terms.start_window)?,
        cancelled_at: UnixSeconds::ZERO,
        settle_grace: parameters.settle_grace,
    })
}
