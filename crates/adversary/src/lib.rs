//! Hostile lives of a small market.
//!
//! A [`Life`] is made from bytes: a founded market, and a sequence of [`Attempt`]s. Each is
//! something that somebody may do, with fields of the fuzzer's choice, and then twisted: accounts
//! swapped, repeated, left out, replaced by others' or by forgeries, privileges taken away, data
//! cut, changed or made up. Whatever is sent, [the rules that hold always](rules) hold after it.
//!
//! One instruction, one file in `deeds`: a new one is a file there and a line in the list in `deeds.rs`.
//! The market's accounts are found on the chain, not written down by deeds.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a fuzzer's findings are panics")]

mod deeds;
mod life;
mod market;
mod rules;
mod twist;

pub use deeds::{Deed, INSTRUCTIONS};
pub use life::{Attempt, Life};
