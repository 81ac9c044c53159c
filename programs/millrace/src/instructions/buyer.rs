mod cancel_job;
mod open_job;

pub use cancel_job::*;
pub use open_job::*;
