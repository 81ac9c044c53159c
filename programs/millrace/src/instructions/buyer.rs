mod accept_lease;
mod cancel_job;
mod open_dispute;
mod open_job;

pub use accept_lease::*;
pub use cancel_job::*;
pub use open_dispute::*;
pub use open_job::*;
