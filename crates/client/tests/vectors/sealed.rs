//! What a buyer seals, in both directions: TypeScript opens what is sealed here, and what it has sealed is opened here.
//! Sealing takes random numbers, so what was committed stays as long as it opens to what it should.

use std::path::PathBuf;

use ed25519_dalek::SigningKey;
use millrace_protocol::Address;
use millrace_seal::{Binding, DataKey, Identity, InputKey, Recipient, RegistryLogin, SecretBytes, Secrets};
use millrace_spec::{ObjectRef, Sha256, sha256};
use serde_json::{Value, json};

use crate::check;

const PATH: &str = "tests/vectors/sealed.json";
/// Written by the TypeScript SDK's own tests, with the keys and secrets of [`PATH`].
const BY_TYPESCRIPT: &str = "tests/vectors/sealed-by-typescript.json";

const NODE: [u8; 32] = [8; 32];
const BUYER: [u8; 32] = [9; 32];
const SALT: Sha256 = Sha256([3; 32]);
const PLAIN: &[u8] = b"\x89PNG and whatever else a task writes";

fn key(secret: [u8; 32]) -> SigningKey {
    SigningKey::from_bytes(&secret)
}

fn address(secret: [u8; 32]) -> Address {
    Address(key(secret).verifying_key().to_bytes())
}

fn binding() -> Binding {
    let program = millrace_client::address::program();
    Binding { program, job: Address([2; 32]), node: Address([3; 32]), lease: Address([4; 32]) }
}

/// With names and words that JSON writers and sorting tell apart.
fn secrets() -> Secrets {
    let files = [("b/\u{FF5E}", &b"one"[..]), ("b/\u{1F600}", b"two"), ("a.key", b"\0\xff"), ("empty", b"")];
    let plain = ObjectRef { sha256: sha256(PLAIN), size: PLAIN.len() as u64 };
    let registry = RegistryLogin {
        host: "registry.example:5000".to_owned(),
        username: "M\u{fc}hle \"vier\"".to_owned(),
        password: "back\\slash\ttab\u{2028}\u{7f}\u{1f}".to_owned(),
    };
    Secrets {
        files: files.map(|(name, content)| (name.to_owned(), SecretBytes(content.to_vec()))).into(),
        inputs: Some(InputKey {
            key: DataKey::derive(&key(BUYER), SALT),
            plain: [("scene".to_owned(), plain), ("\"".to_owned(), plain)].into(),
        }),
        registry: Some(registry),
    }
}

/// Committed at a place of the file, or nothing where it is not there yet.
fn committed(path: &str, place: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let found: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    hex::decode(found.pointer(place)?.as_str()?).ok()
}

fn opened(secret: [u8; 32], sealed: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    millrace_seal::decrypt(&Identity::of_key(&key(secret)), sealed, &mut plain).ok().map(|_| plain)
}

fn envelope() -> Vec<u8> {
    millrace_seal::seal(&secrets(), binding(), address(NODE), &key(BUYER)).unwrap()
}

fn output() -> Vec<u8> {
    let mut sealed = Vec::new();
    millrace_seal::encrypt(&Recipient::of_key(address(BUYER)).unwrap(), PLAIN, &mut sealed).unwrap();
    sealed
}

/// What is committed where it opens to the same, or else what was sealed now.
fn kept(place: &str, secret: [u8; 32], fresh: Vec<u8>) -> Value {
    let expected = opened(secret, &fresh).unwrap();
    let old = committed(PATH, place).filter(|old| opened(secret, old).as_ref() == Some(&expected));
    json!({ "sealed": hex::encode(old.unwrap_or(fresh)), "opened": hex::encode(expected) })
}

fn keys() -> Vec<Value> {
    let seeds = (0..8).map(|seed| [seed; 32]);
    seeds
        .map(|secret| {
            let recipient = Identity::of_key(&key(secret)).recipient().to_string();
            json!({ "secret": hex::encode(secret), "key": address(secret), "recipient": recipient })
        })
        .collect()
}

/// Points of small order, and what is no point at all.
fn weak() -> Vec<Address> {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let eighth = hex::decode("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a").unwrap();
    let found = [neutral, [0; 32], eighth.try_into().unwrap(), [2; 32]].map(Address);
    for key in found {
        assert!(Recipient::of_key(key).is_err(), "{key}");
    }
    found.to_vec()
}

#[test]
fn what_is_sealed() {
    let data_keys = [[9; 32], [10; 32]].map(|secret| {
        let recipient = DataKey::derive(&key(secret), SALT).identity().recipient().to_string();
        json!({ "secret": hex::encode(secret), "salt": SALT, "recipient": recipient })
    });
    let found = json!({
        "binding": binding(),
        "buyer": hex::encode(BUYER),
        "dataKeys": data_keys,
        "envelope": kept("/envelope/sealed", NODE, envelope()),
        "keys": keys(),
        "node": hex::encode(NODE),
        "output": kept("/output/sealed", BUYER, output()),
        "secrets": secrets(),
        "weak": weak(),
    });
    check(PATH, &found);
}

#[test]
fn what_typescript_has_sealed_opens() {
    let sealed = committed(BY_TYPESCRIPT, "/envelope").expect("the TypeScript SDK's tests write it");
    let opened = millrace_seal::open(&sealed, &Identity::of_key(&key(NODE)), binding(), &[address(BUYER)]).unwrap();
    assert_eq!((opened.secrets, opened.signer), (secrets(), address(BUYER)));
    let data_key = DataKey::derive(&key(BUYER), SALT);
    let (sealed, mut plain) = (committed(BY_TYPESCRIPT, "/input").unwrap(), Vec::new());
    millrace_seal::decrypt(data_key.identity(), &sealed[..], &mut plain).unwrap();
    assert_eq!(plain, PLAIN);
}
