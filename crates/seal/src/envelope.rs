use std::io::{Read, Write};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use millrace_protocol::Address;
use serde::{Deserialize, Serialize};

use crate::{Error, Identity, Recipient, Secrets, file};

const DOMAIN: &[u8] = b"millrace envelope v1";
const KEY: usize = 32;
const SIGNATURE: usize = 64;

/// The most bytes of an envelope.
pub const LARGEST_ENVELOPE: usize = 1024 * 1024;

/// The one place an envelope is good for. A lease's address holds the slot in which its job was opened, so an
/// envelope fits neither another job, nor a later one of the same number, nor another lease on the same node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    pub program: Address,
    pub job: Address,
    pub node: Address,
    pub lease: Address,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    binding: Binding,
    secrets: Secrets,
}

/// What was in an envelope, and who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub secrets: Secrets,
    pub signer: Address,
}

/// Seals secrets to a node for one lease, signed by the key that opened the job.
///
/// # Errors
/// [`Error::WeakKey`], [`Error::TooLarge`].
pub fn seal(secrets: &Secrets, binding: Binding, node_key: Address, buyer: &SigningKey) -> Result<Vec<u8>, Error> {
    let recipient = Recipient::of_key(node_key)?;
    let content = Content { binding, secrets: secrets.clone() };
    let content = serde_json::to_vec(&content).expect("a struct of texts and numbers is always JSON");
    let signature = buyer.sign(&[DOMAIN, &content].concat());
    let mut sealed = Vec::new();
    let mut writer = file::writer(&recipient, &mut sealed)?;
    writer.write_all(buyer.verifying_key().as_bytes())?;
    writer.write_all(&signature.to_bytes())?;
    writer.write_all(&content)?;
    writer.finish()?;
    if sealed.len() > LARGEST_ENVELOPE {
        return Err(Error::TooLarge { bytes: sealed.len() });
    }
    Ok(sealed)
}

/// Opens an envelope that should be for `binding`, made by one of `openers`: the job's buyer, and the delegate who
/// opened it.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::OtherKey`], [`Error::Damaged`], [`Error::Forged`], [`Error::NotTheBuyer`],
/// [`Error::OtherLease`].
pub fn open(sealed: &[u8], identity: &Identity, binding: Binding, openers: &[Address]) -> Result<Opened, Error> {
    if sealed.len() > LARGEST_ENVELOPE {
        return Err(Error::TooLarge { bytes: sealed.len() });
    }
    let mut opened = Vec::new();
    file::reader(identity, sealed)?.read_to_end(&mut opened).map_err(|_| Error::Damaged)?;
    let (signer, rest) = opened.split_first_chunk::<KEY>().ok_or(Error::Damaged)?;
    let (signature, content) = rest.split_first_chunk::<SIGNATURE>().ok_or(Error::Damaged)?;
    let key = VerifyingKey::from_bytes(signer).map_err(|_| Error::Forged)?;
    let signed = [DOMAIN, content].concat();
    key.verify_strict(&signed, &Signature::from_bytes(signature)).map_err(|_| Error::Forged)?;
    let signer = Address(*signer);
    if !openers.contains(&signer) {
        return Err(Error::NotTheBuyer { signer });
    }
    let content: Content = serde_json::from_slice(content).map_err(|_| Error::Damaged)?;
    if content.binding != binding {
        return Err(Error::OtherLease);
    }
    Ok(Opened { secrets: content.secrets, signer })
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Diagnostic;

    use super::*;
    use crate::{RegistryLogin, SecretBytes};

    const BINDING: Binding =
        Binding { program: Address([1; 32]), job: Address([2; 32]), node: Address([3; 32]), lease: Address([4; 32]) };

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn address(key: &SigningKey) -> Address {
        Address(key.verifying_key().to_bytes())
    }

    fn secrets() -> Secrets {
        let login = RegistryLogin {
            host: "registry.example".to_owned(),
            username: "buyer".to_owned(),
            password: "correct horse".to_owned(),
        };
        let files = [("token".to_owned(), SecretBytes(b"battery staple".to_vec()))];
        Secrets { files: files.into(), inputs: None, registry: Some(login) }
    }

    fn refused(result: Result<Opened, Error>) -> &'static str {
        result.unwrap_err().code()
    }

    #[test]
    fn the_node_it_is_for_opens_it_and_nobody_reads_it_on_the_way() {
        let (node, buyer) = (key(8), key(9));
        let sealed = seal(&secrets(), BINDING, address(&node), &buyer).unwrap();
        for text in [&b"correct horse"[..], b"battery staple", b"registry.example"] {
            assert!(!sealed.windows(text.len()).any(|window| window == text));
            assert!(!format!("{:?}", secrets()).contains("correct horse"));
        }
        let opened = open(&sealed, &Identity::of_key(&node), BINDING, &[address(&buyer)]).unwrap();
        assert_eq!(opened, Opened { secrets: secrets(), signer: address(&buyer) });
        assert_eq!(
            refused(open(&sealed, &Identity::of_key(&key(7)), BINDING, &[address(&buyer)])),
            "sealed-to-another"
        );
    }

    #[test]
    fn an_envelope_fits_one_lease_of_one_job_on_one_node() {
        let (node, buyer) = (key(8), key(9));
        let sealed = seal(&secrets(), BINDING, address(&node), &buyer).unwrap();
        let other = Address([9; 32]);
        for wrong in [
            Binding { program: other, ..BINDING },
            Binding { job: other, ..BINDING },
            Binding { node: other, ..BINDING },
            Binding { lease: other, ..BINDING },
        ] {
            let opened = open(&sealed, &Identity::of_key(&node), wrong, &[address(&buyer)]);
            assert_eq!(refused(opened), "envelope-of-another-lease");
        }
    }

    #[test]
    fn whoever_carries_it_can_neither_change_nor_make_one() {
        let (node, buyer, carrier) = (key(8), key(9), key(10));
        let identity = Identity::of_key(&node);
        let mut sealed = seal(&secrets(), BINDING, address(&node), &buyer).unwrap();
        let own = seal(&secrets(), BINDING, address(&node), &carrier).unwrap();
        assert_eq!(refused(open(&own, &identity, BINDING, &[address(&buyer)])), "envelope-not-the-buyers");
        for cut in [0, 20, sealed.len() / 2, sealed.len() - 1] {
            assert_eq!(
                refused(open(&sealed[..cut], &identity, BINDING, &[address(&buyer)])),
                "sealed-damaged",
                "{cut}"
            );
        }
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(refused(open(&sealed, &identity, BINDING, &[address(&buyer)])), "sealed-damaged");
    }

    #[test]
    fn a_signature_of_something_else_is_none() {
        let (node, buyer) = (key(8), key(9));
        let content = serde_json::to_vec(&Content { binding: BINDING, secrets: secrets() }).unwrap();
        let mut sealed = Vec::new();
        let mut writer = file::writer(&Recipient::of_key(address(&node)).unwrap(), &mut sealed).unwrap();
        writer.write_all(buyer.verifying_key().as_bytes()).unwrap();
        // Without the domain: no other message of the buyer's is an envelope.
        writer.write_all(&buyer.sign(&content).to_bytes()).unwrap();
        writer.write_all(&content).unwrap();
        writer.finish().unwrap();
        assert_eq!(refused(open(&sealed, &Identity::of_key(&node), BINDING, &[address(&buyer)])), "envelope-forged");
    }

    #[test]
    fn what_is_too_large_is_neither_sent_nor_read() {
        let (node, buyer) = (key(8), key(9));
        let files = [("much".to_owned(), SecretBytes(vec![7; LARGEST_ENVELOPE]))].into();
        let much = seal(&Secrets { files, ..Secrets::default() }, BINDING, address(&node), &buyer).unwrap_err();
        assert_eq!(much.code(), "envelope-too-large");
        let long = vec![0; LARGEST_ENVELOPE + 1];
        assert_eq!(refused(open(&long, &Identity::of_key(&node), BINDING, &[address(&buyer)])), "envelope-too-large");
    }
}
