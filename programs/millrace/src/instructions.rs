//! The doors of the program, by who comes through them. Each file has the instruction's arguments,
//! its accounts, `validate` for what the account constraints cannot say, and `handle`.

mod admin;
mod arbiter;
mod buyer;
mod crank;
mod node;
mod provider;
mod scheduler;

pub use admin::*;
pub use arbiter::*;
pub use buyer::*;
pub use crank::*;
pub use node::*;
pub use provider::*;
pub use scheduler::*;
