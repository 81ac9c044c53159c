mod accept_lease;
mod cancel_job;
mod open_job;

pub use accept_lease::*;
pub use cancel_job::*;
pub use open_job::*;
