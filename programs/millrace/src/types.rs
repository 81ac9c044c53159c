//! What instructions take and accounts hold, field by field as in `millrace_protocol`, in the
//! encoding of the chain (Borsh) and with an entry in the IDL.

mod hardware;
mod job_terms;
mod parameters;

pub use hardware::Hardware;
pub use job_terms::JobTerms;
pub use parameters::Parameters;
