//! What instructions take and accounts hold, field by field as in `millrace_protocol`, with an entry
//! in the IDL. Wide fields first and padding spelled out, so that the bytes are the same in an
//! instruction (Borsh) and in an account (in place). Flags are `u8`: not every byte is a `bool`.

mod allowance_terms;
mod hardware;
mod job_terms;
mod node_offer;
mod parameters;

pub use allowance_terms::AllowanceTerms;
pub use hardware::Hardware;
pub use job_terms::JobTerms;
pub use node_offer::NodeOffer;
pub use parameters::Parameters;
