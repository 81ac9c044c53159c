//! What can happen to a job and its leases, one file each. Every function checks first, changes
//! its arguments only when nothing can fail any more, and returns the money to move.

mod cancel_job;
mod close_job;
mod expire_job;
mod expire_lease;
mod open_job;
mod open_lease;
mod settle;

pub use cancel_job::cancel_job;
pub use close_job::close_job;
pub use expire_job::expire_job;
pub use expire_lease::{Expiry, expire_lease};
pub use open_job::open_job;
pub use open_lease::{LeaseOffer, open_lease};
pub use settle::{CLOCK_SLACK, Settlement, settle};

#[cfg(test)]
mod tests;
