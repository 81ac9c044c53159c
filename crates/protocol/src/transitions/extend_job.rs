use crate::{Error, Job, JobState, MicroUsdc, Seconds, UnixSeconds};

/// What a buyer adds to a job that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct JobExtension {
    /// From the job's funder into its vault.
    pub deposit: MicroUsdc,
    /// To the longest lease that the job allows.
    pub lease_seconds: Seconds,
    /// To the time an open job waits for a lease.
    pub start_window: Seconds,
}

/// More money, longer leases, or a longer wait.
///
/// # Errors
/// [`Error::JobNotOpen`], [`Error::StartDeadlinePassed`], [`Error::AmountZero`] when nothing is added,
/// [`Error::TermsInvalid`] and [`Error::DepositTooSmall`] for terms that could not have been opened,
/// [`Error::Overflow`].
pub fn extend_job(job: &mut Job, extension: JobExtension, now: UnixSeconds) -> Result<(), Error> {
    match job.state {
        JobState::Open if now >= job.start_deadline => return Err(Error::StartDeadlinePassed),
        JobState::Open | JobState::Active => {}
        JobState::Cancelling | JobState::Done | JobState::Expired => return Err(Error::JobNotOpen),
    }
    if extension == JobExtension::default() {
        return Err(Error::AmountZero);
    }
    let mut terms = job.terms;
    terms.deposit = terms.deposit.plus(extension.deposit)?;
    terms.lease_seconds = terms.lease_seconds.plus(extension.lease_seconds)?;
    terms.start_window = terms.start_window.plus(extension.start_window)?;
    terms.check()?;
    let start_deadline = job.start_deadline.after(extension.start_window)?;
    job.terms = terms;
    job.start_deadline = start_deadline;
    Ok(())
}
