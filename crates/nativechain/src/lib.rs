//! A Solana runtime in process that runs programs as native code.
//!
//! LiteSVM runs the real bytecode, which no fuzzer sees into and no mutation reaches without a
//! build for the chain's own target. Here a program is a function of this very binary: a fuzzer
//! is guided by the branches it takes, a debugger stops in it, and a mutation of its source is a
//! mutation of what runs.
//!
//! [`Chain::execute`] does to accounts what the chain would: lays them out as the loader does
//! (duplicates share memory), serves cross-program calls, checks signer and writable privileges,
//! that only an account's owner takes from it or writes to it, that lamports are neither made nor
//! lost, that no account is left short of rent, and drops every change of a transaction that
//! fails. The rules are those of Agave 4.2 (`solana-transaction-context`, `solana-program-runtime`).
//!
//! What is not modelled: compute units, the sizes of heap and stack, fees, signatures of
//! transactions (who signed is what the account list says), address lookup tables, and of the
//! system program anything to do with nonces or seeds.

mod account;
mod chain;
mod invoke;
mod loader;
mod message;
mod precompile;
mod privilege;
mod refusal;
mod stubs;
mod system;
mod transaction;

pub use account::Account;
pub use chain::{Chain, Receipt};
pub use loader::Entry;
pub use refusal::Refusal;
