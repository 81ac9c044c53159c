use crate::{Error, Job, JobState, UnixSeconds};

/// Anyone's crank for a job that no node took in time.
///
/// # Errors
/// [`Error::JobNotOpen`], [`Error::DeadlineNotPassed`].
pub fn expire_job(job: &mut Job, now: UnixSeconds) -> Result<(), Error> {
    if job.state != JobState::Open {
        return Err(Error::JobNotOpen);
    }
    if now < job.start_deadline {
        return Err(Error::DeadlineNotPassed);
    }
    job.state = JobState::Expired;
    Ok(())
}
