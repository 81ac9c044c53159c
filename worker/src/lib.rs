//! A rig on the market: takes leases, runs their containers, brings the results home.
//!
//! The decisions are `millrace_agent`'s. This crate carries them out: [`container`] speaks to
//! Docker, [`gpu`] to NVML, the link to the orchestrator, [`journal`] to the disk, and one loop
//! carries events in and actions out.
//!
//! A worker that stops, by [`Handle::shutdown`] or by SIGKILL, leaves its containers running and
//! tells nobody: the next one on the same data folder adopts them.

mod chain;
mod challenge;
mod checks;
mod clock;
mod context;
mod disk;
mod driver;
mod egress;
mod error;
mod fetching;
mod folders;
mod hardware;
mod images;
mod inputs;
mod link_client;
mod logs;
mod messages;
mod metrics;
mod near;
mod objects;
mod options;
mod orchestrator_url;
mod outputs;
mod overdue;
mod registration;
mod rounds;
mod service;
mod steps;
mod troubles;
mod unseen;
mod upkeep;
mod vault;
mod whole_file;

pub mod container;
pub mod control;
pub mod doctor;
pub mod gpu;
pub mod journal;
pub mod status;

pub use chain::{Chain, Deed, Rpc};
pub use challenge::answer_challenge;
pub use checks::hardware_of;
pub use container::docker::PullPolicy;
pub use error::Error;
pub use folders::check_data_dir;
pub use gpu::SimulatedGpu;
pub use options::Options;
pub use orchestrator_url::{UrlError, dialled_at};
pub use overdue::{Due, Looked};
pub use registration::{Registered, registered};
pub use service::{Handle, Parts, Service};
