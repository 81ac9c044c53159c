use anchor_lang::prelude::Pubkey;
use anchor_lang::system_program;
use millrace::{CommitResultArgs, OpenQuorumArgs, RevealResultArgs, accounts, instruction};
use millrace_protocol::quorum::commitment_preimage;
use millrace_protocol::{Address, seeds};
use solana_sha256_hasher::hash;
use solana_signer::Signer;

use crate::{Call, Environment, JobHandle, LeaseHandle, Receipt};

/// What a member commits to in order to reveal `root` with `salt`.
pub fn commitment(lease: &LeaseHandle, root: [u8; 32], salt: [u8; 32]) -> [u8; 32] {
    hash(&commitment_preimage(Address(lease.address.to_bytes()), root, salt)).to_bytes()
}

impl Environment {
    /// The round that the job has open, or would open next.
    pub fn round_of(&self, job: &JobHandle) -> (Pubkey, u8) {
        let state = self.job(&job.address);
        let (slot, round) = (state.opened_slot.to_le_bytes(), state.quorum_round.to_le_bytes());
        Self::find(&[seeds::QUORUM, job.address.as_ref(), &slot, &round])
    }

    /// Paid by the scheduler.
    pub fn open_round(&self, job: &JobHandle) -> Call<accounts::OpenQuorum, instruction::OpenQuorum> {
        let (quorum, quorum_bump) = self.round_of(job);
        let accounts = accounts::OpenQuorum {
            config: Self::config_address(),
            payer: self.scheduler.pubkey(),
            job: job.address,
            quorum,
            system_program: system_program::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = OpenQuorumArgs { quorum_bump };
        Call::new(accounts, instruction::OpenQuorum { args }, &[&self.scheduler])
    }

    pub fn do_open_round(&mut self, job: &JobHandle) -> Pubkey {
        let call = self.open_round(job);
        self.send(&call).expect("open_quorum");
        call.accounts.quorum
    }

    pub fn commit_result(
        &self,
        lease: &LeaseHandle,
        commitment: [u8; 32],
    ) -> Call<accounts::CommitResult, instruction::CommitResult> {
        let accounts = accounts::CommitResult {
            node_key: lease.node.key.pubkey(),
            node: lease.node.address,
            lease: lease.address,
            quorum: self.round_of(&lease.job).0,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = CommitResultArgs { commitment };
        Call::new(accounts, instruction::CommitResult { args }, &[&lease.node.key])
    }

    pub fn do_commit_result(&mut self, lease: &LeaseHandle, root: [u8; 32], salt: [u8; 32]) -> Receipt {
        let call = self.commit_result(lease, commitment(lease, root, salt));
        self.send(&call).expect("commit_result")
    }

    pub fn reveal_result(
        &self,
        lease: &LeaseHandle,
        root: [u8; 32],
        salt: [u8; 32],
    ) -> Call<accounts::RevealResult, instruction::RevealResult> {
        let accounts = accounts::RevealResult {
            node_key: lease.node.key.pubkey(),
            node: lease.node.address,
            lease: lease.address,
            quorum: self.round_of(&lease.job).0,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = RevealResultArgs { root, salt };
        Call::new(accounts, instruction::RevealResult { args }, &[&lease.node.key])
    }

    pub fn do_reveal_result(&mut self, lease: &LeaseHandle, root: [u8; 32], salt: [u8; 32]) -> Receipt {
        let call = self.reveal_result(lease, root, salt);
        self.send(&call).expect("reveal_result")
    }

    pub fn tally_quorum(&self, job: &JobHandle) -> Call<accounts::TallyQuorum, instruction::TallyQuorum> {
        let accounts = accounts::TallyQuorum {
            quorum: self.round_of(job).0,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::TallyQuorum {}, &[])
    }

    pub fn do_tally_quorum(&mut self, job: &JobHandle) -> Receipt {
        let call = self.tally_quorum(job);
        self.send(&call).expect("tally_quorum")
    }

    pub fn settle_member(&self, lease: &LeaseHandle) -> Call<accounts::SettleMember, instruction::SettleMember> {
        let accounts = accounts::SettleMember {
            parties: self.lease_parties(lease),
            quorum: self.round_of(&lease.job).0,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::SettleMember {}, &[])
    }

    pub fn do_settle_member(&mut self, lease: &LeaseHandle) -> Receipt {
        let call = self.settle_member(lease);
        self.send(&call).expect("settle_member")
    }

    /// Of a round that the scheduler paid.
    pub fn close_quorum(&self, job: &JobHandle) -> Call<accounts::CloseQuorum, instruction::CloseQuorum> {
        let accounts = accounts::CloseQuorum {
            job: job.address,
            quorum: self.round_of(job).0,
            rent_payer: self.scheduler.pubkey(),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::CloseQuorum {}, &[])
    }

    pub fn do_close_quorum(&mut self, job: &JobHandle) -> Receipt {
        let call = self.close_quorum(job);
        self.send(&call).expect("close_quorum")
    }
}
