//! The orchestrator against a real chain in this process, and rigs that speak the real link but run
//! no containers.

mod auctions;
mod challenges;
mod extensions;
mod forgetting;
mod kill_points;
mod market;
mod metrics;
mod objects;
mod preemption;
mod questions;
mod quorums;
mod restarts;
mod rig;
mod rounds;
mod sealed;
mod spot_checks;
mod whole_jobs;
mod workers;
