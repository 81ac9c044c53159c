mod open_lease;

pub use open_lease::*;
