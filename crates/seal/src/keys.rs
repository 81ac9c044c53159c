use std::fmt;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use bech32::{ToBase32, Variant};
use ed25519_dalek::{SigningKey, VerifyingKey};
use hkdf::Hkdf;
use millrace_protocol::Address;
use millrace_spec::Sha256;

use crate::Error;

const DATA_KEY_DOMAIN: &[u8] = b"millrace data key v1";

/// Whom something is sealed to: an age X25519 recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(pub(crate) age::x25519::Recipient);

impl Recipient {
    /// That of a node's or wallet's Ed25519 key: the same point on the curve's Montgomery form (RFC 7748, 4.1), as
    /// age itself does with SSH keys. Signing and agreeing with one key are secure together (IACR eprint 2021/509).
    ///
    /// # Errors
    /// [`Error::WeakKey`].
    pub fn of_key(key: Address) -> Result<Self, Error> {
        let point = VerifyingKey::from_bytes(&key.0).ok().filter(|point| !point.is_weak());
        let point = point.ok_or(Error::WeakKey(key))?.to_montgomery();
        let text = bech32_of("age", &point.to_bytes());
        Ok(Self(text.parse().map_err(|_| Error::WeakKey(key))?))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|_| Error::NoRecipient(text.to_owned()))
    }
}

/// What opens what was sealed to a key's [`Recipient`]. Never shown.
#[derive(Clone)]
pub struct Identity(pub(crate) age::x25519::Identity);

impl Identity {
    /// That of [`Recipient::of_key`].
    pub fn of_key(key: &SigningKey) -> Self {
        Self(identity(&key.to_scalar_bytes()))
    }

    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity of {}", self.0.to_public())
    }
}

/// The key of one job's encrypted inputs: an age identity that only the buyer and the job's rigs know.
#[derive(Clone, Debug)]
pub struct DataKey(Identity);

impl DataKey {
    /// The job's, from the wallet that opens it and the salt in its spec (HKDF-SHA256, RFC 5869): the wallet finds
    /// it again, and need not keep it.
    pub fn derive(wallet: &SigningKey, salt: Sha256) -> Self {
        let mut key = [0; 32];
        let derived = Hkdf::<sha2::Sha256>::new(Some(&salt.0), wallet.as_bytes()).expand(DATA_KEY_DOMAIN, &mut key);
        derived.expect("HKDF-SHA256 gives 32 bytes");
        Self(Identity(identity(&key)))
    }

    pub fn identity(&self) -> &Identity {
        &self.0
    }

    /// As age writes it: for an envelope, and nowhere else.
    pub(crate) fn expose(&self) -> String {
        self.0.0.to_string().expose_secret().to_owned()
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(|identity| Self(Identity(identity)))
    }
}

impl PartialEq for DataKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.recipient() == other.0.recipient()
    }
}

impl Eq for DataKey {}

fn identity(scalar: &[u8; 32]) -> age::x25519::Identity {
    let text = bech32_of("age-secret-key-", scalar).to_uppercase();
    text.parse().expect("32 bytes under the right name are an identity")
}

fn bech32_of(name: &str, bytes: &[u8; 32]) -> String {
    bech32::encode(name, bytes.to_base32(), Variant::Bech32).expect("both names are fit for bech32")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(key: &SigningKey) -> Address {
        Address(key.verifying_key().to_bytes())
    }

    #[test]
    fn what_the_chain_says_of_a_key_and_what_its_holder_has_fit() {
        for seed in 0..32 {
            let key = SigningKey::from_bytes(&[seed; 32]);
            assert_eq!(Recipient::of_key(address(&key)).unwrap(), Identity::of_key(&key).recipient());
        }
    }

    #[test]
    fn a_key_that_anybody_has_or_that_is_none_gets_nothing() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let off_the_curve = (0..=255u8).map(|byte| [byte; 32]).find(|bytes| VerifyingKey::from_bytes(bytes).is_err());
        for bytes in [neutral, [0; 32], off_the_curve.unwrap()] {
            assert!(matches!(Recipient::of_key(Address(bytes)), Err(Error::WeakKey(_))), "{bytes:?}");
        }
    }

    #[test]
    fn a_data_key_belongs_to_one_wallet_and_one_salt() {
        let (wallet, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let key = DataKey::derive(&wallet, Sha256([3; 32]));
        assert_eq!(key, DataKey::derive(&wallet, Sha256([3; 32])));
        assert_ne!(key, DataKey::derive(&wallet, Sha256([4; 32])));
        assert_ne!(key, DataKey::derive(&other, Sha256([3; 32])));
        assert_ne!(key.identity().recipient(), Identity::of_key(&wallet).recipient());
        assert_eq!(DataKey::parse(&key.expose()), Some(key));
    }

    #[test]
    fn a_recipient_is_read_as_it_is_written_and_a_key_is_never_shown() {
        let identity = Identity::of_key(&SigningKey::from_bytes(&[7; 32]));
        let text = identity.recipient().to_string();
        assert_eq!(text.parse::<Recipient>().unwrap(), identity.recipient());
        assert!("age1nonsense".parse::<Recipient>().is_err());
        assert!(!format!("{identity:?} {:?}", DataKey(identity.clone())).contains("SECRET"));
    }
}
