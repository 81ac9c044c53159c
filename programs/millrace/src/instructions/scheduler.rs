mod attest_node;
mod extend_lease;
mod notice_preemption;
mod open_lease;

pub use attest_node::*;
pub use extend_lease::*;
pub use notice_preemption::*;
pub use open_lease::*;
