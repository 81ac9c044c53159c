//! The other sides of a worker, for tests: an orchestrator that says only what the test says, an
//! object endpoint in memory, a chain with one job, and a rig between them.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod dated;
pub mod fake_engine;
pub mod false_registry;
pub mod nvml_stub;
pub mod objects;
pub mod offer;
pub mod orchestrator;
pub mod registry;
pub mod relay;
pub mod rig;
pub mod small_disk;
pub mod told_engine;

/// Whether there is a Docker socket; says loudly where there is none.
pub fn docker_is_here() -> bool {
    let here = std::path::Path::new("/var/run/docker.sock").exists() || std::env::var_os("DOCKER_HOST").is_some();
    if !here {
        eprintln!("SKIPPED: there is no Docker here; start it to run this test");
    }
    here
}
