//! What a buyer does with the Rust SDK: one task a file, each a function to copy.
//!
//! | task | file |
//! |---|---|
//! | open a job and pay its deposit | [`open_job`] |
//! | watch it until it is over | [`watch_job`] |
//! | cancel it | [`cancel_job`] |
//! | read where its money went | [`read_statement`] |
//!
//! `cargo run -p millrace-examples -- --help` runs them against a network; the tests beside them run them
//! against a local one.

pub mod cancel_job;
pub mod open_job;
pub mod read_statement;
pub mod watch_job;
