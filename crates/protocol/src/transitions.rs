//! What can happen to a job and its leases, one file each. Every function checks first, changes
//! its arguments only when nothing can fail any more, and returns the money to move.

mod accept_lease;
mod cancel_job;
mod close_job;
mod conclude;
mod expire_dispute;
mod expire_job;
mod expire_lease;
mod extend_job;
mod extend_lease;
mod extend_start;
mod finalize_lease;
mod hold_lease;
mod notice_preemption;
mod open_dispute;
mod open_job;
mod open_lease;
mod resolve_dispute;
mod settle;
mod settle_member;

pub use accept_lease::accept_lease;
pub use cancel_job::cancel_job;
pub use close_job::close_job;
pub use conclude::Movements;
pub use expire_dispute::expire_dispute;
pub use expire_job::expire_job;
pub use expire_lease::expire_lease;
pub use extend_job::{JobExtension, extend_job};
pub use extend_lease::extend_lease;
pub use extend_start::extend_start;
pub use finalize_lease::finalize_lease;
pub use hold_lease::hold_lease;
pub use notice_preemption::notice_preemption;
pub use open_dispute::open_dispute;
pub use open_job::open_job;
pub use open_lease::{LeaseOffer, open_lease};
pub use resolve_dispute::resolve_dispute;
pub use settle::{CLOCK_SLACK, settle};
pub use settle_member::settle_member;

#[cfg(test)]
pub(crate) mod tests;
