//! The worker's decisions, without a clock, a socket or a container engine.
//!
//! Whatever happens on a rig arrives as an [`Event`] with the time it happened at; what is to be
//! done about it leaves as a list of [`Action`]s, to be carried out in order. [`Agent`] holds the
//! rig's leases and tasks, [`Task`] is one container's life, [`policy`] says which leases are worth
//! taking, and [`recover()`] makes an agent again out of a journal and the containers that were found.

mod action;
mod agent;
mod assignment;
mod bids;
mod cause;
mod checkpoint;
mod event;
mod gpu_fault;
mod journal;
mod lease;
mod recover;
mod setback;
mod task;
mod upkeep;
mod vote;

pub mod policy;

pub use action::{Action, Report};
pub use agent::{Agent, ChallengeRefusal};
pub use assignment::{Assignment, Input, Limits, TaskKey};
pub use bids::OwnBid;
pub use cause::{Cause, Failure, Fault};
pub use checkpoint::{Checkpointing, Restore, Saved};
pub use event::{Event, Exit, Output, StopReason, TaskEvent};
pub use gpu_fault::{GpuFault, Severity, Slowdown};
pub use journal::Record;
pub use lease::{Lease, LeasePhase, LeaseTerms, Notice};
pub use recover::{FoundContainer, FoundState, Held, Recovered, recover, recover_unseen};
pub use setback::{Setback, SetbackCause};
pub use task::{Outcome, Phase, Round, Task};
pub use vote::{Vote, VoteStanding};

#[cfg(test)]
mod tests;
