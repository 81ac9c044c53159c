//! What a buyer hands to a rig, so that nobody between them can read or swap it: registry credentials, secret
//! files and the key of encrypted inputs. Everything is in the age format (age-encryption.org/v1), so a buyer
//! can also read it with any other age tool.
//!
//! A node needs to publish nothing: its recipient follows from its node key, which stands on chain
//! ([`Recipient::of_key`]). Whoever carries an envelope cannot make one either, because the buyer's key signs it
//! together with the lease it is for ([`Binding`]).

mod envelope;
mod error;
mod file;
mod keys;
mod secrets;

pub use envelope::{Binding, LARGEST_ENVELOPE, Opened, open, seal};
pub use error::Error;
pub use file::{decrypt, encrypt};
pub use keys::{DataKey, Identity, Recipient};
pub use secrets::{InputKey, LARGEST_FILES, RegistryLogin, SecretBytes, Secrets};
