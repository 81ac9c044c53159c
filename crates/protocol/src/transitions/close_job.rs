use crate::{Error, Job, JobState, MicroUsdc};

/// Anyone's crank for a job that is over: returns what goes back to the funder, the whole vault.
///
/// # Errors
/// [`Error::JobNotOver`], [`Error::InvariantBroken`].
pub fn close_job(job: &Job) -> Result<MicroUsdc, Error> {
    match job.state {
        JobState::Done | JobState::Expired => job.vault_balance(),
        JobState::Open | JobState::Active | JobState::Cancelling => Err(Error::JobNotOver),
    }
}
