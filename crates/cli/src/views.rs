//! How market data reads: pure functions from the REST and chain types to text.

pub mod auction;
pub mod change;
pub mod duration;
pub mod explanation;
pub mod job;
pub mod money;
pub mod node;
pub mod parameters;
pub mod placements;
pub mod status;
pub mod terms;
pub mod worker;

/// The first characters of an address: enough to tell a handful apart.
pub fn short(address: millrace_protocol::Address) -> String {
    address.to_string().chars().take(8).collect()
}

/// A transaction's signature, or that none was needed.
pub fn transaction(signature: Option<&String>) -> String {
    signature.cloned().unwrap_or_else(|| "none: it is so already".to_owned())
}

/// `1 task`, `2 tasks`.
pub fn counted(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}
