//! The rules of the Millrace market, as pure functions of state and time.
//!
//! The on-chain program, the orchestrator, the worker and the CLI all run this code: a transition
//! is written once, and a client can dry-run it before paying for a transaction. Nothing here
//! reads a clock, allocates an account or talks to anybody.

mod address;
mod diagnostic;
mod earnings;
mod error;
mod job;
mod lease;
mod node;
mod parameters;
mod stake;
mod units;

pub mod gpu;
pub mod money;
pub mod region;
pub mod seeds;
pub mod transitions;
pub mod voucher;

pub use address::{Address, AddressError};
pub use diagnostic::Diagnostic;
pub use earnings::Earnings;
pub use error::Error;
pub use job::{Job, JobState, JobTerms, Requirements};
pub use lease::{Lease, LeaseOutcome, LeaseState};
pub use node::{Hardware, Node, NodeStatus};
pub use parameters::Parameters;
pub use stake::Stake;
pub use units::{BasisPoints, GpuUnits, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds};

/// Address of the Millrace program. Whoever deploys under another key runs `anchor keys sync`.
pub const PROGRAM_ID: &str = "MRACEyV7WAqkTBFVzKeJ7Vh5Yk3UD5qSCkwcwYwc4sj";
