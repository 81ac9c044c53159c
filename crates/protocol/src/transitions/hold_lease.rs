use crate::{Error, Lease, LeaseState, UnixSeconds};

/// The node's word that it works on although no voucher comes: moves the checkpoint on without metering,
/// up to the hold limit. At the limit the attestor is taken for gone, and nobody is punished.
///
/// # Errors
/// [`Error::LeaseNotLive`] unless the lease is running, [`Error::DeadlinePassed`] when the checkpoint has
/// passed, [`Error::HoldLimit`] when the lease is held to the limit already.
pub fn hold_lease(lease: &mut Lease, now: UnixSeconds) -> Result<(), Error> {
    if lease.state != LeaseState::Running {
        return Err(Error::LeaseNotLive);
    }
    if now >= lease.checkpoint_by {
        return Err(Error::DeadlinePassed);
    }
    let checkpoint_by = now.after(lease.checkpoint_interval)?.min(lease.hold_ends()?);
    if checkpoint_by <= lease.checkpoint_by {
        return Err(Error::HoldLimit);
    }
    lease.checkpoint_by = checkpoint_by;
    Ok(())
}
