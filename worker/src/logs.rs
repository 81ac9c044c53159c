//! Logs: spooled from the engine into a file, sent from there until the orchestrator has them. The
//! file outlives the container, a lost connection and the worker.

mod lines;
mod per_stream;
mod position;
mod shipper;
mod spool;
mod turns;

pub(crate) use shipper::{Shipment, ship};
pub(crate) use spool::spool;

/// Bytes of log that are kept of one task; how the two streams alternate in it takes up to four times as many beside it.
pub const LIMIT: u64 = 8 * 1024 * 1024;
