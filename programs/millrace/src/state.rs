//! The accounts of the program, each with its conversion to the protocol's type and its invariant.
//!
//! They are read and written in place: `repr(C)`, no implicit padding, so that layout and bytes are
//! the same everywhere. Each begins with `version`, `bump` and the small counters, in eight bytes;
//! keys follow, then numbers from wide to narrow, then spare bytes.

mod allowance;
mod buyer;
mod config;
mod dispute;
mod job;
mod lease;
mod node;
mod provider;
mod quorum;

pub use allowance::Allowance;
pub use buyer::Buyer;
pub use config::Config;
pub use dispute::Dispute;
pub use job::Job;
pub use lease::Lease;
pub use node::Node;
pub use provider::{Provider, Unbonding};
pub use quorum::{Quorum, QuorumMember};

use crate::constants::VERSION;
use crate::MarketError;

fn check_version(version: u8) -> Result<(), MarketError> {
    if version == VERSION {
        Ok(())
    } else {
        Err(MarketError::UnknownVersion)
    }
}
