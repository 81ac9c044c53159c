mod close_job;
mod close_job_prepaid;
mod expire_job;
mod expire_lease;
mod finalize_lease;
mod settle;

pub use close_job::*;
pub use close_job_prepaid::*;
pub use expire_job::*;
pub use expire_lease::*;
pub use finalize_lease::*;
pub use settle::*;
