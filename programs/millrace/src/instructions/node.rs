mod commit_result;
mod extend_start;
mod hold_lease;
mod reveal_result;

pub use commit_result::*;
pub use extend_start::*;
pub use hold_lease::*;
pub use reveal_result::*;
