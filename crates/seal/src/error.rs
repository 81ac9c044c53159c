use std::io;

use millrace_protocol::{Address, Diagnostic};
use thiserror::Error;

/// Why something cannot be sealed or opened.
#[derive(Debug, Error)]
pub enum Error {
    #[error("nothing can be sealed to key {0}: it is no key, or one that anybody has")]
    WeakKey(Address),
    #[error("`{0}` is no age recipient such as `age1…`")]
    NoRecipient(String),
    #[error("an envelope of {bytes} bytes is too large")]
    TooLarge { bytes: usize },
    #[error("it is sealed to another key")]
    OtherKey,
    #[error("it was changed or broken off on its way")]
    Damaged,
    #[error("the envelope is for another lease")]
    OtherLease,
    #[error("the envelope's signature is not its signer's")]
    Forged,
    #[error("the envelope is signed by {signer}, who has not opened the job")]
    NotTheBuyer { signer: Address },
    #[error("a file cannot be read or written")]
    File(#[from] io::Error),
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::WeakKey(_) => "seal-key-weak",
            Self::NoRecipient(_) => "recipient-malformed",
            Self::TooLarge { .. } => "envelope-too-large",
            Self::OtherKey => "sealed-to-another",
            Self::Damaged => "sealed-damaged",
            Self::OtherLease => "envelope-of-another-lease",
            Self::Forged => "envelope-forged",
            Self::NotTheBuyer { .. } => "envelope-not-the-buyers",
            Self::File(_) => "sealed-file",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::WeakKey(_) => "leave the node out with `placement.denied_providers`",
            Self::NoRecipient(_) => "make one with an age tool, or write `wallet` for your own",
            Self::TooLarge { .. } => "put what is large into encrypted inputs instead of secrets",
            Self::OtherKey => "use the wallet that opened the job; a node whose key was rotated is sealed to anew",
            Self::Damaged => "bring it again; whoever carries it has changed it",
            Self::OtherLease => "seal it for the lease that it is sent to",
            Self::Forged => "seal it with `millrace job unlock`, or with millrace-seal",
            Self::NotTheBuyer { .. } => "sign with the wallet that opened the job",
            Self::File(_) => "check free space and permissions",
        }
        .to_owned()
    }
}
