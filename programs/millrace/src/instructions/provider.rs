mod add_node;
mod add_stake;
mod register_provider;

pub use add_node::*;
pub use add_stake::*;
pub use register_provider::*;
