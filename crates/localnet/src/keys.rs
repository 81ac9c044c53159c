//! The keys of every local network: derived from a public label, the same on each machine, so
//! that separate commands agree on them without a file. They are worth nothing elsewhere.

use sha2::{Digest, Sha256};
use solana_keypair::Keypair;

/// Upgrade authority of the program and first admin of the network.
pub(crate) fn admin() -> Keypair {
    derive("millrace localnet admin")
}

/// Mint authority of the test USDC; pays for what the faucet does.
pub(crate) fn faucet() -> Keypair {
    derive("millrace localnet faucet")
}

/// Only its address matters: the test USDC mint.
pub(crate) fn usdc() -> Keypair {
    derive("millrace localnet usdc")
}

fn derive(label: &str) -> Keypair {
    Keypair::new_from_array(Sha256::digest(label).into())
}
