//! A happy call of every instruction, and handles for what they make.

mod buyer;
mod crank;
mod founding;
mod provider;
mod scheduler;

use anchor_lang::prelude::Pubkey;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// A key with SOL, and its token account.
pub struct Wallet {
    pub key: Keypair,
    pub tokens: Pubkey,
}

impl Wallet {
    pub fn address(&self) -> Pubkey {
        self.key.pubkey()
    }
}

impl Clone for Wallet {
    fn clone(&self) -> Self {
        Self { key: self.key.insecure_clone(), tokens: self.tokens }
    }
}

#[derive(Clone)]
pub struct ProviderHandle {
    pub owner: Wallet,
    pub address: Pubkey,
    pub stake_vault: Pubkey,
    pub earnings_vault: Pubkey,
}

pub struct NodeHandle {
    pub address: Pubkey,
    pub key: Keypair,
    pub provider: ProviderHandle,
}

impl Clone for NodeHandle {
    fn clone(&self) -> Self {
        Self { address: self.address, key: self.key.insecure_clone(), provider: self.provider.clone() }
    }
}

#[derive(Clone)]
pub struct JobHandle {
    pub address: Pubkey,
    pub vault: Pubkey,
    pub buyer: Wallet,
    pub funder: Wallet,
}

#[derive(Clone)]
pub struct LeaseHandle {
    pub address: Pubkey,
    pub job: JobHandle,
    pub node: NodeHandle,
}
