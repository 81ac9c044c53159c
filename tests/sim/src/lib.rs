//! The whole network in one thread and in virtual time: the real scheduler behind a disk that loses what was
//! not written, the real agents with containers that take their time, and the real rules on a chain that
//! drops, doubles and takes back transactions. What goes wrong is drawn from one seed, so a failing run is
//! that seed, and a [`Recording`] of it replays line by line.
//!
//! Not simulated, but the very code that runs outside: `millrace_scheduler`, `millrace_agent`,
//! `millrace_protocol`. Simulated are the clock, disks, links, containers, the object store and the chain: its
//! accounts are those of `millrace_model`, which calls the same rules as the program, and it has neither
//! signatures nor fees nor compute units. The shells around the cores are imitated step by step, in the order
//! in which the real ones persist, send and read.
//!
//! # What goes wrong
//!
//! | where | what |
//! |---|---|
//! | links | delays up to 2 s; messages lost, doubled, overtaken; streams cut; one rig or all of them parted from the orchestrator |
//! | orchestrator | killed at any moment and at each of its writes; a disk that takes 3 s for a write; specs that cannot be read |
//! | workers | killed at any moment and between any two actions; hung; a rig without power, or with a new disk; clocks 20 s off; journals compacted |
//! | containers | slow pulls up to 400 s; pulls, creations, starts, inputs and uploads that fail; programs that fail, outlast their lease, or ignore SIGTERM |
//! | chain | transactions lost, doubled, reordered within a slot, expired; slots that stand still; forks that take back the last three; an endpoint that does not answer; notifications lost; a clock 25 s behind that lags and leaps |
//! | rigs that lie | say work is done and deliver nothing; deliver something else and name a wrong root; have no hardware; speak for others and forge vouchers; do not stop; say nothing; make another result and stand by it, where some jobs have tasks run again |
//! | everybody | for an hour no network to a rig, or to all of them; no scheduler; no chain (`tests/outages.rs`) |
//! | people | cancel, accept, dispute; an arbiter who rules or does not; spot leases preempted, by the scheduler and beside it; providers that drain |
//!
//! A live stream of HTTP/2 loses nothing, so a task that is stopped by a message which gets lost may run on; only
//! seeds without that loss hold workers to stopping in time.
//!
//! # What must hold
//!
//! No job or lease stays past a deadline once nothing disturbs; no task is run by two rigs that are heard of;
//! no attempt is given to two leases; every task is waiting, with a live lease, or done by whom it was given
//! to, with the output it makes; vouchers are on the disk before anybody has them, never two with one number,
//! never ahead of the container; only who answered a challenge right is attested on chain, from the disk, and no
//! rig answers one beside a job; each lease is paid its attested seconds at its price, and wallets, vaults and
//! the scheduler's books agree on it to the micro-USDC; every job that waits says why, and none waits for long
//! though a node fits; when all is well again everything ends, and nothing is left on any rig.

mod buyer;
mod chain;
mod draw;
mod faults;
mod harm;
mod ledger;
mod link;
mod log;
mod message;
mod name;
mod orchestrator;
mod proof;
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

pub use harm::{Harm, Harms};
pub use log::Line;
pub use recording::{Recording, Replay, Unreadable};
pub use runs::{Report, run};
pub use scenario::{Kill, Scenario};
