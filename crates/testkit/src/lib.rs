//! The real program, as built in LiteSVM and natively at once: for tests only.
//!
//! [`Environment`] has a network, its keys, a clock to travel with, and for each instruction a
//! builder of its happy [`Call`] (`open_job`), and a version that sends it and insists on success
//! (`do_open_job`). A test that wants a refusal takes the happy call, spoils one thing, and asserts
//! with [`Environment::refuses`] the exact error and that nothing on chain has changed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test helper that fails must fail loudly")]

mod builders;
mod call;
pub mod costs;
mod environment;
mod instructions;
mod ledger;
mod network;
mod reading;
mod refusal;
mod vouchers;

pub use builders::{hardware, parameters, terms, usdc};
pub use call::{Call, Receipt};
pub use environment::Environment;
pub use instructions::{JobHandle, LeaseHandle, NodeHandle, ProviderHandle, Wallet, commitment};
pub use ledger::Ledger;
pub use refusal::Refusal;
pub use vouchers::{attestation, signature_check};

pub use millrace as program;
pub use millrace_protocol as protocol;
pub use solana_keypair::Keypair;
pub use solana_signer::Signer;
