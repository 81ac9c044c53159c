//! The scheduler against a fake world that fails on anything it would not allow: see [`world`].

mod agenda;
mod auctions;
mod challenges;
mod checkpoints;
mod crashes;
mod endings;
mod engine;
mod explaining;
mod extension;
mod fairness;
mod faults;
mod forgetting;
mod gang_sleep;
mod gangs;
mod metering;
mod order;
mod placement;
mod preemption;
mod quorums;
mod reports;
mod restart;
mod retries;
mod services;
mod simulation;
mod spot_checks;
mod suggestions;
pub(crate) mod world;
