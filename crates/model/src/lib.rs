//! The whole market as one value: providers, nodes, buyers, jobs, leases, rounds of quorums, disputes, and
//! every token in the vault in which the program would keep it.
//!
//! It takes [`Action`]s, carries them out by the pure rules, and moves the money that the rules say must
//! move. [`Market::check`] then holds the rules that hold always (`docs/protocol.md`): ledgers against
//! vaults, counters against what they count. Random walks over it are this crate's tests; the same walks
//! run against the built program in `tests/program/agreement.rs`.

mod act;
mod action;
mod check;
mod market;
mod resolve;
mod step;
mod vaults;
mod ways_out;

pub use act::{Done, Refusal};
pub use action::{Action, Funding};
pub use market::{
    BuyerEntry, DisputeEntry, HARDWARE, JobEntry, LeaseEntry, Market, NodeEntry, ProviderEntry, RoundEntry, quick,
};
pub use step::{Step, Terms, step};
pub use vaults::{Account, Vaults};
