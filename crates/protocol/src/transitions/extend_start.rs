use crate::{Error, Lease, LeaseState, UnixSeconds};

/// The node's one extension of its start, unpaid: a large image may take longer than the timeout.
///
/// # Errors
/// [`Error::LeaseStarted`], [`Error::ExtendedAlready`], [`Error::DeadlinePassed`], [`Error::Overflow`].
pub fn extend_start(lease: &mut Lease, now: UnixSeconds) -> Result<(), Error> {
    if lease.state != LeaseState::Assigned {
        return Err(Error::LeaseStarted);
    }
    if lease.start_extended {
        return Err(Error::ExtendedAlready);
    }
    if now >= lease.start_by {
        return Err(Error::DeadlinePassed);
    }
    let start_by = lease.start_by.after(lease.start_timeout)?;
    lease.ends_by = lease.ends_by.after(lease.start_timeout)?;
    lease.start_by = start_by;
    lease.start_extended = true;
    Ok(())
}
