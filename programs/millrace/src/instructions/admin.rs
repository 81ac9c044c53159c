mod initialize;

pub use initialize::*;
