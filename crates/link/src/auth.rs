//! Proofs of key possession. A signature here can serve no other purpose: each begins with its own domain.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use millrace_protocol::{Address, UnixSeconds};
use thiserror::Error;

const LINK_DOMAIN: &[u8] = b"millrace link v1";
const HTTP_DOMAIN: &str = "millrace http v1";
const SCHEME: &str = "Millrace ";

/// Longest header that can be right: scheme, 44 letters, 20 digits, 88 letters, two dots.
const HEADER_BYTES: usize = 163;

/// How far the clocks of two machines may differ, in seconds.
pub const CLOCK_TOLERANCE_SECONDS: u64 = 300;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum Error {
    #[error("the Authorization header is not `Millrace <key>.<unix seconds>.<signature>`")]
    Malformed,
    #[error("the request was signed more than {CLOCK_TOLERANCE_SECONDS} seconds away from now")]
    OutOfTime,
    #[error("the signature does not belong to the key and the request")]
    Forged,
}

impl millrace_protocol::Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "authorization-malformed",
            Self::OutOfTime => "authorization-out-of-time",
            Self::Forged => "authorization-forged",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Malformed => "sign the request as docs/errors.md describes, or use the CLI",
            Self::OutOfTime => "set this machine's clock",
            Self::Forged => "sign with the secret key of the address you name",
        }
        .to_owned()
    }
}

/// What a worker signs to prove its node key.
pub fn link_challenge(program: Address, node_key: Address, nonce: &[u8]) -> Vec<u8> {
    [LINK_DOMAIN, &program.0, &node_key.0, nonce].concat()
}

/// # Errors
/// [`Error::Forged`].
pub fn verify(key: Address, message: &[u8], signature: &[u8]) -> Result<(), Error> {
    let key = VerifyingKey::from_bytes(&key.0).map_err(|_| Error::Forged)?;
    let signature = Signature::from_slice(signature).map_err(|_| Error::Forged)?;
    key.verify_strict(message, &signature).map_err(|_| Error::Forged)
}

fn http_message(method: &str, path: &str, at: UnixSeconds) -> String {
    format!("{HTTP_DOMAIN}\n{method}\n{path}\n{}", at.0)
}

/// Value of the `Authorization` header for one request; `path` without host and query.
pub fn authorization(key: &SigningKey, method: &str, path: &str, now: UnixSeconds) -> String {
    let signature = key.sign(http_message(method, path, now).as_bytes());
    let address = Address(key.verifying_key().to_bytes());
    format!("{SCHEME}{address}.{}.{}", now.0, bs58::encode(signature.to_bytes()).into_string())
}

/// The key that signed a request.
///
/// # Errors
/// [`Error::Malformed`], [`Error::OutOfTime`], [`Error::Forged`].
pub fn authenticate(header: &str, method: &str, path: &str, now: UnixSeconds) -> Result<Address, Error> {
    // Reading base58 takes the square of its length: a stranger must not choose that.
    if header.len() > HEADER_BYTES {
        return Err(Error::Malformed);
    }
    let mut parts = header.strip_prefix(SCHEME).ok_or(Error::Malformed)?.splitn(3, '.');
    let mut part = || parts.next().ok_or(Error::Malformed);
    let key: Address = part()?.parse().map_err(|_| Error::Malformed)?;
    let at = UnixSeconds(part()?.parse().map_err(|_| Error::Malformed)?);
    let signature = bs58::decode(part()?).into_vec().map_err(|_| Error::Malformed)?;
    if now.0.abs_diff(at.0) > CLOCK_TOLERANCE_SECONDS {
        return Err(Error::OutOfTime);
    }
    verify(key, http_message(method, path, at).as_bytes(), &signature)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    #[test]
    fn a_signed_request_names_its_key() {
        let header = authorization(&key(), "PUT", "/v1/objects/ab", NOW);
        let expected = Address(key().verifying_key().to_bytes());
        assert_eq!(authenticate(&header, "PUT", "/v1/objects/ab", NOW), Ok(expected));
    }

    #[test]
    fn another_method_path_time_or_text_is_refused() {
        let header = authorization(&key(), "PUT", "/v1/objects/ab", NOW);
        assert_eq!(authenticate(&header, "GET", "/v1/objects/ab", NOW), Err(Error::Forged));
        assert_eq!(authenticate(&header, "PUT", "/v1/objects/cd", NOW), Err(Error::Forged));
        let late = UnixSeconds(NOW.0 + CLOCK_TOLERANCE_SECONDS + 1);
        assert_eq!(authenticate(&header, "PUT", "/v1/objects/ab", late), Err(Error::OutOfTime));
        for text in ["", "Bearer x", "Millrace a.b.c", "Millrace x"] {
            assert_eq!(authenticate(text, "PUT", "/", NOW), Err(Error::Malformed), "{text}");
        }
    }

    #[test]
    fn a_header_too_long_to_be_right_is_not_even_read() {
        let header = authorization(&key(), "PUT", "/", NOW);
        assert!(header.len() <= HEADER_BYTES);
        let latest = authorization(&key(), "PUT", "/", UnixSeconds(u64::MAX));
        assert!(latest.len() <= HEADER_BYTES);
        let longer = format!("{header}{}", "1".repeat(HEADER_BYTES));
        assert_eq!(authenticate(&longer, "PUT", "/", NOW), Err(Error::Malformed));
    }

    #[test]
    fn a_challenge_answers_only_its_own_nonce() {
        let key = key();
        let address = Address(key.verifying_key().to_bytes());
        let program = Address([1; 32]);
        let signature = key.sign(&link_challenge(program, address, &[1; 32])).to_bytes();
        assert_eq!(verify(address, &link_challenge(program, address, &[1; 32]), &signature), Ok(()));
        assert_eq!(verify(address, &link_challenge(program, address, &[2; 32]), &signature), Err(Error::Forged));
    }
}
