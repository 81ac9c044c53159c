//! The built program in LiteSVM: for each instruction its happy paths, and every check that can
//! refuse, with the exact error and nothing changed on chain.

mod accept_lease;
mod accounts;
mod add_node;
mod add_stake;
mod attest_node;
mod cancel_job;
mod close_job;
mod costs;
mod create;
mod expire_job;
mod expire_lease;
mod extend_lease;
mod extend_start;
mod finalize_lease;
mod hold_lease;
mod initialize;
mod notice_preemption;
mod open_job;
mod open_lease;
mod open_lease_demands;
mod open_lease_prices;
mod properties;
mod register_provider;
mod scene;
mod settle;
mod settle_reports;
mod settle_signature;
