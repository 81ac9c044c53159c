//! The other sides of a worker, as its tests have them.
#![allow(dead_code, reason = "a benchmark uses less than the tests do")]

#[path = "../../tests/support/fake_engine.rs"]
pub mod fake_engine;
#[path = "../../tests/support/objects.rs"]
pub mod objects;
#[path = "../../tests/support/offer.rs"]
pub mod offer;
#[path = "../../tests/support/orchestrator.rs"]
pub mod orchestrator;
#[path = "../../tests/support/rig.rs"]
pub mod rig;
