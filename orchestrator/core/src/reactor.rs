//! What each event changes in what is known, one file per family. No decision is taken here that
//! the state alone would not give again.

mod ledger;
mod on_bid;
mod on_brought;
mod on_chain;
mod on_challenge;
mod on_check;
mod on_extension;
mod on_quorum;
mod on_spec;
mod on_task;
mod on_transaction;
mod on_worker;

pub use on_bid::BidRefused;
