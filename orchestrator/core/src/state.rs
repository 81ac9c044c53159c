//! What the scheduler knows.

pub(crate) mod auctions;
pub mod check;
pub(crate) mod gang;
pub mod job;
pub mod lease;
pub mod node;
pub(crate) mod open_leases;
pub mod proof;
pub mod quorum_round;
pub mod reservation;
pub mod restarts;
pub(crate) mod shortfall;
pub mod story;
pub mod task;
pub mod tasks;
pub mod view;
