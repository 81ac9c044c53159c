mod commit_result;
mod reveal_result;

pub use commit_result::*;
pub use reveal_result::*;
