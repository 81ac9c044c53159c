mod extend_start;
mod hold_lease;

pub use extend_start::*;
pub use hold_lease::*;
