//! The rules of the Millrace market, as pure functions of state and time.
//!
//! The on-chain program, the orchestrator, the worker and the CLI all run this code: a transition
//! is written once, and a client can dry-run it before paying for a transaction. Nothing here
//! reads a clock, allocates an account or talks to anybody.

mod address;
mod allowance;
mod buyer;
mod diagnostic;
mod dispute;
mod earnings;
mod error;
mod job;
mod lease;
mod node;
mod parameters;
mod payout;
mod provider;
mod reputation;
mod service_level;
mod stake;
mod units;
mod verification;

pub mod deadlines;
pub mod gpu;
pub mod money;
pub mod quorum;
pub mod region;
pub mod seeds;
pub mod transitions;
pub mod voucher;

pub use address::{Address, AddressError};
pub use allowance::Allowance;
pub use buyer::Buyer;
pub use diagnostic::Diagnostic;
pub use dispute::{Dispute, Ruling};
pub use earnings::Earnings;
pub use error::Error;
pub use job::{Job, JobState, JobTerms, Requirements};
pub use lease::{Lease, LeaseOutcome, LeaseState};
pub use node::{Hardware, HardwareAttestation, Node, NodeStatus};
pub use parameters::Parameters;
pub use payout::Payout;
pub use provider::{Provider, ProviderStatus};
pub use reputation::{HALF_LIFE, PRIOR, Reputation};
pub use service_level::ServiceLevel;
pub use stake::{Stake, UNBONDING_SLOTS, Unbonding};
pub use units::{BasisPoints, GpuUnits, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds};
pub use verification::{HardwareClass, Payment, Verification};

/// Address of the Millrace program. Whoever deploys under another key runs `anchor keys sync`.
pub const PROGRAM_ID: &str = "MRACEyV7WAqkTBFVzKeJ7Vh5Yk3UD5qSCkwcwYwc4sj";
