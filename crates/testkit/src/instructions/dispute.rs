use anchor_lang::prelude::Pubkey;
use anchor_lang::system_program;
use millrace::{OpenDisputeArgs, ResolveDisputeArgs, accounts, instruction};
use millrace_protocol::{Ruling, seeds};
use solana_signer::Signer;

use crate::{Call, Environment, LeaseHandle, Receipt, Wallet};

impl Environment {
    /// Where the dispute about a lease is.
    pub fn dispute_of(lease: &LeaseHandle) -> Pubkey {
        Self::derive(&[seeds::DISPUTE, lease.address.as_ref()])
    }

    pub fn open_dispute(
        &self,
        lease: &LeaseHandle,
        challenger: &Wallet,
    ) -> Call<accounts::OpenDispute, instruction::OpenDispute> {
        let (dispute, dispute_bump) = Self::find(&[seeds::DISPUTE, lease.address.as_ref()]);
        let accounts = accounts::OpenDispute {
            config: Self::config_address(),
            challenger: challenger.address(),
            challenger_tokens: challenger.tokens,
            job: lease.job.address,
            job_vault: lease.job.vault,
            lease: lease.address,
            dispute,
            token_program: anchor_spl::token::ID,
            system_program: system_program::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = OpenDisputeArgs { evidence_hash: [9; 32], dispute_bump };
        Call::new(accounts, instruction::OpenDispute { args }, &[&challenger.key])
    }

    pub fn do_open_dispute(&mut self, lease: &LeaseHandle, challenger: &Wallet) -> Receipt {
        let call = self.open_dispute(lease, challenger);
        self.send(&call).expect("open_dispute")
    }

    fn dispute_parties(&self, lease: &LeaseHandle, challenger: &Wallet) -> accounts::DisputeParties {
        accounts::DisputeParties {
            lease: self.lease_parties(lease),
            dispute: Self::dispute_of(lease),
            dispute_rent_payer: challenger.address(),
            challenger_tokens: challenger.tokens,
        }
    }

    pub fn resolve_dispute(
        &self,
        lease: &LeaseHandle,
        challenger: &Wallet,
        ruling: Ruling,
    ) -> Call<accounts::ResolveDispute, instruction::ResolveDispute> {
        let accounts = accounts::ResolveDispute {
            config: Self::config_address(),
            arbiter: self.arbiter.pubkey(),
            parties: self.dispute_parties(lease, challenger),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = ResolveDisputeArgs { ruling: ruling as u8 };
        Call::new(accounts, instruction::ResolveDispute { args }, &[&self.arbiter])
    }

    pub fn do_resolve_dispute(&mut self, lease: &LeaseHandle, challenger: &Wallet, ruling: Ruling) -> Receipt {
        let call = self.resolve_dispute(lease, challenger, ruling);
        self.send(&call).expect("resolve_dispute")
    }

    pub fn expire_dispute(
        &self,
        lease: &LeaseHandle,
        challenger: &Wallet,
    ) -> Call<accounts::ExpireDispute, instruction::ExpireDispute> {
        let accounts = accounts::ExpireDispute {
            parties: self.dispute_parties(lease, challenger),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::ExpireDispute {}, &[])
    }

    pub fn do_expire_dispute(&mut self, lease: &LeaseHandle, challenger: &Wallet) -> Receipt {
        let call = self.expire_dispute(lease, challenger);
        self.send(&call).expect("expire_dispute")
    }
}
