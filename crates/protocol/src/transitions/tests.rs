//! Every transition: what it does, each refusal, and both sides of each deadline. [`world::World`] keeps
//! vaults of its own, which only [`Movements`](super::Movements) fill and empty: whatever a transition
//! books without moving it, or moves without booking it, fails the test that ran it.

pub(crate) mod world;

mod cancel_job;
mod dispute;
mod expire_job;
mod expire_lease;
mod extend_job;
mod extend_lease;
mod extend_start;
mod hold_lease;
mod notice_preemption;
mod open_job;
mod open_lease;
mod outcomes;
mod penalties;
mod quorum;
mod settle;
mod settle_reported;
mod several_leases;
