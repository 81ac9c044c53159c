//! Who may run the network's commands, told before a transaction is paid for.

use millrace_protocol::{Address, Diagnostic};
use thiserror::Error;

use crate::errors::Failure;

/// A key that has not the role a command needs.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the network's admin is {admin}, and this key is {key}")]
    NotAdmin { admin: Address, key: Address },
    #[error("the network's arbiter is {arbiter}, and this key is {key}")]
    NotArbiter { arbiter: Address, key: Address },
    #[error("the admin has proposed {pending}, and this key is {key}")]
    NotProposed { pending: Address, key: Address },
    #[error("the admin has proposed nobody")]
    NobodyProposed,
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NotAdmin { .. } => "wrong-admin",
            Self::NotArbiter { .. } => "wrong-arbiter",
            Self::NotProposed { .. } | Self::NobodyProposed => "not-pending-admin",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotAdmin { .. } | Self::NotArbiter { .. } => {
                "sign with that key: `--keypair PATH`; `millrace network show` tells every role".to_owned()
            }
            Self::NotProposed { .. } | Self::NobodyProposed => {
                "the admin proposes a key with `millrace network hand-over`; `millrace network show` tells which"
                    .to_owned()
            }
        }
    }
}

/// # Errors
/// [`Error::NotAdmin`].
pub fn require_admin(admin: Address, key: Address) -> Result<(), Failure> {
    if key == admin { Ok(()) } else { Err(Failure::refused(&Error::NotAdmin { admin, key })) }
}

/// # Errors
/// [`Error::NotArbiter`].
pub fn require_arbiter(arbiter: Address, key: Address) -> Result<(), Failure> {
    if key == arbiter { Ok(()) } else { Err(Failure::refused(&Error::NotArbiter { arbiter, key })) }
}

/// # Errors
/// [`Error::NotProposed`], [`Error::NobodyProposed`].
pub fn require_proposed(pending: Option<Address>, key: Address) -> Result<(), Failure> {
    match pending {
        Some(pending) if pending == key => Ok(()),
        Some(pending) => Err(Failure::refused(&Error::NotProposed { pending, key })),
        None => Err(Failure::refused(&Error::NobodyProposed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: Address = Address([1; 32]);
    const WRONG: Address = Address([2; 32]);

    #[test]
    fn each_role_is_its_keys_alone() {
        assert_eq!(require_admin(RIGHT, RIGHT), Ok(()));
        assert_eq!(require_admin(RIGHT, WRONG).unwrap_err().code, "wrong-admin");
        assert_eq!(require_arbiter(RIGHT, RIGHT), Ok(()));
        assert_eq!(require_arbiter(RIGHT, WRONG).unwrap_err().code, "wrong-arbiter");
        assert_eq!(require_proposed(Some(RIGHT), RIGHT), Ok(()));
        assert_eq!(require_proposed(Some(RIGHT), WRONG).unwrap_err().code, "not-pending-admin");
        assert_eq!(require_proposed(None, WRONG).unwrap_err().code, "not-pending-admin");
    }
}
