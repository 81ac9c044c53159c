//! Millrace's Rust SDK, and the only crate of it that knows RPC.
//!
//! [`Client`] reads accounts and the chain's clock from any of several endpoints. [`instructions`]
//! builds transactions, [`Sender`] brings them in exactly once or says why not, [`cosign`] is the
//! rig's half of a lease. [`Watcher`] tells what changed and, by reconciling, what it missed.
//! [`history`] reads a finished job's money back from the chain, [`overdue`] tells what anyone may do
//! for one that is stuck.
//!
//! Addresses and amounts are those of `millrace_protocol`; Solana's types stay inside, except for
//! `Keypair`, `Signature` and `Instruction`, which are re-exported here.

pub mod accounts;
pub mod address;
pub mod cosign;
pub mod history;
pub mod instructions;
pub mod keys;
pub mod overdue;

mod balances;
mod client;
mod clock;
mod endpoints;
mod error;
mod fetch;
mod refusal;
mod sender;
mod voucher;
mod watcher;

/// Envelopes for a lease's rig: secrets, logins and keys of encrypted inputs. With the feature `seal`.
#[cfg(feature = "seal")]
pub use millrace_seal as seal;

pub use anchor_lang::prelude::Pubkey;
pub use anchor_lang::solana_program::instruction::Instruction;
pub use solana_keypair::{Keypair, Signer};
pub use solana_signature::Signature;

pub use accounts::AnyAccount;
pub use client::{Client, Seen, SeenEndpoint};
pub use endpoints::{Endpoints, place_of};
pub use error::{Asset, Error};
pub use refusal::Refusal;
pub use sender::{Goal, Outcome, Prepared, Receipt, Sender, SenderOptions};
pub use voucher::SignedVoucher;
pub use watcher::{Event, Gap, Sight, Update, Watcher, WatcherOptions};
