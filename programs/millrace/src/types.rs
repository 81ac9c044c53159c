//! What instructions take and accounts hold, field by field as in `millrace_protocol`, with an entry
//! in the IDL. Wide fields first and padding spelled out, so that the bytes are the same in an
//! instruction (Borsh) and in an account (in place). Flags are `u8`: not every byte is a `bool`.

mod hardware;
mod job_terms;
mod parameters;

pub use hardware::Hardware;
pub use job_terms::JobTerms;
pub use parameters::Parameters;
