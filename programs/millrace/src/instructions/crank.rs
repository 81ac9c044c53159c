mod close_job;
mod delist_provider;
mod expire_job;
mod expire_lease;
mod relist_provider;
mod settle;
mod sweep_fees;

pub use close_job::*;
pub use delist_provider::*;
pub use expire_job::*;
pub use expire_lease::*;
pub use relist_provider::*;
pub use settle::*;
pub use sweep_fees::*;
