//! The whole of Millrace: real binaries, real containers, a local chain behind ordinary RPC. Each
//! test raises a network of its own and leaves nothing behind, also when it fails.

mod auctions;
mod bad_input;
mod demo;
mod governance;
mod happy;
mod jobs;
mod killed_orchestrator;
mod killed_worker;
mod network;
mod pending;
mod played;
mod prepaid;
mod provider;
mod reported;
mod restarted_worker;
mod sealed;
mod settled;
mod walkthrough;
