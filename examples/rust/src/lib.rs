//! What a buyer does with the Rust SDK: one task a file, each a function to copy.
//!
//! | task | file |
//! |---|---|
//! | open a job and pay its deposit | [`open_job`] |
//! | prepay, so that jobs are paid from a balance | [`prepay`] |
//! | let another key open jobs from it | [`allow_delegate`] |
//! | open a job from it, as its owner or as a delegate | [`open_prepaid_job`] |
//! | watch a job until it is over | [`watch_job`] |
//! | add money to it | [`extend_job`] |
//! | cancel it | [`cancel_job`] |
//! | accept what its leases report | [`accept_leases`] |
//! | dispute what a lease reports | [`dispute_lease`] |
//! | seal what a lease's rig needs and nobody else may know | [`seal_secrets`] |
//! | read where its money went | [`read_statement`] |
//!
//! `cargo run -p millrace-examples -- --help` runs them against a network; the tests beside them run them
//! against a local one.

pub mod accept_leases;
pub mod allow_delegate;
pub mod cancel_job;
pub mod dispute_lease;
pub mod extend_job;
pub mod open_job;
pub mod open_prepaid_job;
pub mod prepay;
pub mod read_statement;
pub mod seal_secrets;
pub mod watch_job;
