//! Heartbeats are what leases are paid for, so each carries its rig's own word: signed by the node key, for one link, one
//! after the other. Who only carries the link can keep them back, but not make, change or repeat one.

use std::sync::Arc;

use ed25519_dalek::{Signer, SigningKey};
use millrace_protocol::Address;
use prost::Message;
use thiserror::Error;

use crate::auth;
use crate::grpc::{Beat, Heartbeat};

const DOMAIN: &[u8] = b"millrace heartbeat v1";

#[derive(Debug, Error, PartialEq, Eq)]
pub enum Error {
    #[error("a heartbeat is not signed by the node key for this link")]
    Forged,
    #[error("heartbeat {number} is none after heartbeat {heard}")]
    Repeated { number: u64, heard: u64 },
    #[error("a heartbeat cannot be read")]
    Malformed,
}

impl Heartbeat {
    /// What it says, whoever says so.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn unverified(&self) -> Result<Beat, Error> {
        Beat::decode(self.beat.as_slice()).map_err(|_| Error::Malformed)
    }
}

/// The link that heartbeats are signed for, and how many were.
#[derive(Debug)]
struct Count {
    /// What every signature begins with.
    prefix: Vec<u8>,
    number: u64,
}

impl Count {
    /// A nonce of another length would move its end into the beat.
    fn new(program: Address, node_key: Address, nonce: &[u8; 32]) -> Self {
        Self { prefix: [DOMAIN, &program.0, &node_key.0, nonce].concat(), number: 0 }
    }

    fn signed(&self, beat: &[u8]) -> Vec<u8> {
        [&self.prefix, beat].concat()
    }
}

/// The worker's end.
#[derive(Debug)]
pub struct BeatSigner {
    key: Arc<SigningKey>,
    count: Count,
}

impl BeatSigner {
    /// For the link whose challenge was `nonce`.
    pub fn new(program: Address, key: Arc<SigningKey>, nonce: &[u8; 32]) -> Self {
        let count = Count::new(program, Address(key.verifying_key().to_bytes()), nonce);
        Self { key, count }
    }

    /// The next heartbeat; whatever number `beat` has is replaced.
    pub fn sign(&mut self, beat: Beat) -> Heartbeat {
        self.count.number += 1;
        let beat = Beat { number: self.count.number, ..beat }.encode_to_vec();
        let signature = self.key.sign(&self.count.signed(&beat)).to_bytes().to_vec();
        Heartbeat { beat, signature }
    }
}

/// The orchestrator's end.
#[derive(Debug)]
pub struct BeatVerifier {
    key: Address,
    count: Count,
}

impl BeatVerifier {
    /// For the link whose challenge was `nonce`.
    pub fn new(program: Address, node_key: Address, nonce: &[u8; 32]) -> Self {
        Self { key: node_key, count: Count::new(program, node_key, nonce) }
    }

    /// What a heartbeat says, if its rig says it now.
    ///
    /// # Errors
    /// [`Error`].
    pub fn verify(&mut self, heartbeat: &Heartbeat) -> Result<Beat, Error> {
        let signed = self.count.signed(&heartbeat.beat);
        auth::verify(self.key, &signed, &heartbeat.signature).map_err(|_| Error::Forged)?;
        let beat = heartbeat.unverified()?;
        let heard = self.count.number;
        if beat.number <= heard {
            return Err(Error::Repeated { number: beat.number, heard });
        }
        self.count.number = beat.number;
        Ok(beat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::LeaseBeat;

    const PROGRAM: Address = Address([1; 32]);
    const NONCE: [u8; 32] = [2; 32];

    fn key(seed: u8) -> Arc<SigningKey> {
        Arc::new(SigningKey::from_bytes(&[seed; 32]))
    }

    fn signer(seed: u8) -> BeatSigner {
        BeatSigner::new(PROGRAM, key(seed), &NONCE)
    }

    fn verifier() -> BeatVerifier {
        BeatVerifier::new(PROGRAM, Address(key(7).verifying_key().to_bytes()), &NONCE)
    }

    fn beat(lease: u8) -> Beat {
        let leases = vec![LeaseBeat { lease: vec![lease; 32], running: vec![0, 3] }];
        Beat { number: 0, leases, draining: true }
    }

    #[test]
    fn each_is_heard_once_and_in_its_order() {
        let (mut signer, mut verifier) = (signer(7), verifier());
        let [first, second, third] = [8, 9, 10].map(|lease| signer.sign(beat(lease)));
        assert_eq!(verifier.verify(&first), Ok(Beat { number: 1, ..beat(8) }));
        assert_eq!(verifier.verify(&first), Err(Error::Repeated { number: 1, heard: 1 }));
        assert_eq!(verifier.verify(&third), Ok(Beat { number: 3, ..beat(10) }), "one was lost on the way");
        assert_eq!(verifier.verify(&second), Err(Error::Repeated { number: 2, heard: 3 }));
    }

    #[test]
    fn nobody_else_speaks_for_the_rig_nor_changes_what_it_says() {
        assert_eq!(verifier().verify(&signer(6).sign(beat(8))), Err(Error::Forged), "another key");
        for (program, nonce) in [(Address([3; 32]), NONCE), (PROGRAM, [4; 32])] {
            let elsewhere = BeatSigner::new(program, key(7), &nonce).sign(beat(8));
            assert_eq!(verifier().verify(&elsewhere), Err(Error::Forged), "another link");
        }
        let right = signer(7).sign(beat(8));
        for place in 0..right.beat.len() {
            let mut changed = right.clone();
            changed.beat[place] ^= 1;
            assert_eq!(verifier().verify(&changed), Err(Error::Forged), "byte {place}");
        }
        for signature in [vec![], vec![0; 64], right.signature[1..].to_vec()] {
            assert_eq!(verifier().verify(&Heartbeat { signature, ..right.clone() }), Err(Error::Forged));
        }
    }

    #[test]
    fn what_its_rig_signed_and_nobody_can_read_is_refused() {
        let (mut verifier, key) = (verifier(), key(7));
        let beat = vec![0xff; 8];
        let signature = key.sign(&verifier.count.signed(&beat)).to_bytes().to_vec();
        assert_eq!(verifier.verify(&Heartbeat { beat, signature }), Err(Error::Malformed));
        assert!(verifier.verify(&signer(7).sign(Beat::default())).is_ok(), "the next one is heard all the same");
    }
}
