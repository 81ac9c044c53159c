//! A happy call of every instruction, and handles for what they make.

mod buyer;
mod crank;
mod dispute;
mod founding;
mod node;
mod provider;
mod quorum;
mod scheduler;

use anchor_lang::prelude::Pubkey;
use millrace::accounts;
use millrace::state::Lease;
use millrace_protocol::seeds;
use solana_keypair::Keypair;
use solana_signer::Signer;

pub use quorum::commitment;

use crate::Environment;

impl Environment {
    /// The accounts of everything that settles a lease but a voucher.
    pub fn lease_parties(&self, lease: &LeaseHandle) -> accounts::LeaseParties {
        accounts::LeaseParties {
            job: lease.job.address,
            job_vault: lease.job.vault,
            lease: lease.address,
            provider: lease.node.provider.address,
            stake_vault: lease.node.provider.stake_vault,
            earnings_vault: lease.node.provider.earnings_vault,
            rent_payer: self.rent_payer_of(lease),
            token_program: anchor_spl::token::ID,
        }
    }

    /// Who opened the lease; the scheduler for one that is gone.
    pub(crate) fn rent_payer_of(&self, lease: &LeaseHandle) -> Pubkey {
        let state: Option<Lease> = self.read(&lease.address);
        state.map_or(self.scheduler.pubkey(), |state| state.rent_payer)
    }

    /// The round that the job has open, if it counts results.
    pub fn open_quorum(&self, job: &JobHandle) -> Option<Pubkey> {
        if !self.exists(&job.address) {
            return None;
        }
        let state = self.job(&job.address);
        let (slot, round) = (state.opened_slot.to_le_bytes(), state.quorum_round.to_le_bytes());
        (state.quorum_open != 0).then(|| Self::derive(&[seeds::QUORUM, job.address.as_ref(), &slot, &round]))
    }
}

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
