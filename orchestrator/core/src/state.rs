//! What the scheduler knows.

pub mod job;
pub mod lease;
pub mod node;
pub mod task;
pub mod view;
