//! A Solana network in this process: full JSON-RPC and WebSocket, offline, with the Millrace
//! program, a test USDC and a faucet.
//!
//! Whoever talks to it uses the ordinary Solana clients on [`Localnet::rpc_url`] and
//! [`Localnet::ws_url`]; nothing else of Millrace knows that it is not a cluster. It runs the
//! real Solana virtual machine (Surfpool), so programs, fees and limits are those of a cluster.
//!
//! Its clock follows the wall clock and can be moved ahead ([`Localnet::travel_to`]), so that
//! deadlines are tested through the same RPC that everything else uses.
//!
//! ```no_run
//! # async fn example() -> Result<(), millrace_localnet::Error> {
//! use millrace_localnet::{Localnet, Options};
//! use millrace_protocol::{Address, MicroUsdc};
//!
//! let localnet = Localnet::start(Options::default()).await?;
//! let buyer = Address([7; 32]);
//! localnet.faucet_sol(&buyer, 1_000_000_000).await?;
//! let tokens = localnet.faucet(&buyer, MicroUsdc(25_000_000)).await?;
//! println!("{} now has 25 test USDC in {tokens}", buyer);
//! localnet.shutdown().await
//! # }
//! ```

mod engine;
mod error;
mod faucet;
mod genesis;
mod keys;
mod localnet;
mod options;
mod relay;

pub use error::Error;
pub use localnet::Localnet;
pub use options::{Options, SlotMode};
