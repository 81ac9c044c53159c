pub mod commit_result;
pub mod extend_start;
pub mod hold_lease;
pub mod reveal_result;
