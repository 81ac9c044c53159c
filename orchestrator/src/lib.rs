//! The orchestrator: carries events to the scheduler and carries out its actions.
//!
//! [`driver`] is the one loop that owns all state. Around it stand adapters, each to one outside
//! thing: [`chain`] to accounts and transactions, [`link_server`] to workers, [`store`] to the
//! journal, [`objects`] and [`logs`] to the disk, [`rest`] to buyers. They know the driver's inbox
//! and nothing of each other. No decision is taken here.

mod chain;
mod challenge;
mod clock;
mod descriptors;
mod disk;
mod door;
mod driver;
mod error;
mod link_server;
mod logs;
mod metrics;
mod objects;
mod options;
mod outbound;
mod places;
mod rest;
mod service;
mod signer;
mod store;

pub use error::Error;
pub use millrace_scheduler::Weights;
pub use options::Options;
pub use rest::{Gate, Refusal, object_endpoint};
pub use service::{Handle, Service};
