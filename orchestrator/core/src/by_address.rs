use std::hash::{BuildHasherDefault, DefaultHasher};

use millrace_protocol::Address;

/// What is looked up by address, and hardly ever gone through. Thousands of addresses are slow to compare one
/// with another. Its order is nobody's business, but it is the same in each run: the hash has no random key.
#[allow(clippy::disallowed_types, reason = "what is disallowed is an order that differs from run to run")]
pub(crate) type ByAddress<V> = std::collections::HashMap<Address, V, BuildHasherDefault<DefaultHasher>>;
