mod close_job;
mod close_quorum;
mod expire_dispute;
mod expire_job;
mod expire_lease;
mod open_quorum;
mod settle;
mod settle_member;
mod tally_quorum;

pub use close_job::*;
pub use close_quorum::*;
pub use expire_dispute::*;
pub use expire_job::*;
pub use expire_lease::*;
pub use open_quorum::*;
pub use settle::*;
pub use settle_member::*;
pub use tally_quorum::*;
