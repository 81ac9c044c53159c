//! The built program in LiteSVM: for each instruction its happy paths, and every check that can
//! refuse, with the exact error and nothing changed on chain.

mod accounts;
mod add_node;
mod add_stake;
mod cancel_job;
mod close_job;
mod close_quorum;
mod commit_result;
mod costs;
mod create;
mod disputed;
mod expire_dispute;
mod expire_job;
mod expire_lease;
mod initialize;
mod open_dispute;
mod open_job;
mod open_lease;
mod open_quorum;
mod properties;
mod quorum_story;
mod register_provider;
mod resolve_dispute;
mod reveal_result;
mod round;
mod scene;
mod settle;
mod settle_member;
mod settle_signature;
mod tally_quorum;
