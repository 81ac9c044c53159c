//! The other sides of a worker, for tests: an orchestrator that says only what the test says, an
//! object endpoint in memory, a chain with one job, and a rig between them.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod fake_engine;
pub mod objects;
pub mod offer;
pub mod orchestrator;
pub mod rig;
