//! The built program in LiteSVM: for each instruction its happy paths, and every check that can
//! refuse, with the exact error and nothing changed on chain.

mod accounts;
mod agreement;
mod add_node;
mod add_stake;
mod cancel_job;
mod close_job;
mod costs;
mod create;
mod deadlines;
mod expire_job;
mod expire_lease;
mod initialize;
mod open_job;
mod open_lease;
mod register_provider;
mod scene;
mod settle;
mod settle_signature;
