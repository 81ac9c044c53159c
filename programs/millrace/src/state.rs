//! The program's accounts, one file each: `discriminator`, `version`, `bump`, fields, spare bytes.
//!
//! Each converts to the pure type of `millrace_protocol` that carries its rules, and takes the
//! result of a transition back through `update`, which re-checks the account's invariant.

mod config;
mod job;
mod lease;
mod node;
mod provider;

pub use config::Config;
pub use job::Job;
pub use lease::Lease;
pub use node::Node;
pub use provider::Provider;
