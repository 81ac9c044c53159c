use crate::{Error, Job, JobState, UnixSeconds};

/// The buyer's cancel: no further lease; seconds up to now stay owed to the live ones.
///
/// # Errors
/// [`Error::JobNotCancellable`] unless the job is open or active.
pub fn cancel_job(job: &mut Job, now: UnixSeconds) -> Result<(), Error> {
    job.state = match job.state {
        JobState::Open => JobState::Done,
        JobState::Active => JobState::Cancelling,
        JobState::Cancelling | JobState::Done | JobState::Expired => return Err(Error::JobNotCancellable),
    };
    job.cancelled_at = now;
    Ok(())
}
