mod cancel_job;
mod open_dispute;
mod open_job;

pub use cancel_job::*;
pub use open_dispute::*;
pub use open_job::*;
