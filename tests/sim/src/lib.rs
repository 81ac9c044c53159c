//! The whole network in one thread and in virtual time: the real scheduler behind a disk that loses what was
//! not written, the real agents with containers that take their time, and the real rules on a chain that
//! drops, doubles and takes back transactions. What goes wrong is drawn from one seed, so a failing run is
//! that seed, and a replay prints its log.
//!
//! Simulated are the clock, disks, links, containers and the chain's blocks. Not simulated, but the very code
//! that runs outside: `millrace_scheduler`, `millrace_agent`, `millrace_protocol`. The shells around them are
//! imitated step by step, in the order in which the real ones persist, send and read.

mod buyer;
mod chain;
mod draw;
mod faults;
mod ledger;
mod link;
mod log;
mod message;
mod name;
mod orchestrator;
mod queue;
mod recording;
mod rig;
mod runs;
mod sabotage;
mod scenario;
mod senders;
mod simulation;
mod witness;

#[cfg(test)]
mod tests;

pub use log::Line;
pub use recording::{Recording, Replay, Unreadable};
pub use runs::{Report, run};
pub use scenario::{Kill, Scenario};
