//! One event per instruction, emitted by a call of the program to itself, so that an indexer finds
//! it in the transaction and needs no logs. Amounts are micro-USDC, times Unix seconds; `before`
//! and `after` are the token balances around the move.

mod admin;
mod buyer;
mod crank;
mod provider;
mod scheduler;

pub use admin::NetworkInitialized;
pub use buyer::{JobCancelled, JobOpened};
pub use crank::{JobClosed, JobExpired, LeaseExpired, VoucherSettled};
pub use provider::{NodeAdded, ProviderRegistered, StakeAdded};
pub use scheduler::LeaseOpened;
