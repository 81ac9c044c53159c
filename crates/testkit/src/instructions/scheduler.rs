use anchor_lang::prelude::Pubkey;
use anchor_lang::system_program;
use millrace::{AttestNodeArgs, ExtendLeaseArgs, OpenLeaseArgs, accounts, instruction};
use millrace_protocol::{HardwareAttestation, PricePerGpuHour, Seconds, seeds};
use solana_signer::Signer;

use crate::{Call, Environment, JobHandle, LeaseHandle, NodeHandle, Receipt};

impl Environment {
    /// Address and bump of the lease that the job would take next.
    pub fn next_lease(&self, job: &JobHandle) -> (Pubkey, u8) {
        let state = self.job(&job.address);
        Self::find(&[
            seeds::LEASE,
            job.address.as_ref(),
            &state.opened_slot.to_le_bytes(),
            &state.leases_opened.to_le_bytes(),
        ])
    }

    /// At the node's price, for as long as the job allows.
    pub fn open_lease(&self, job: &JobHandle, node: &NodeHandle) -> Call<accounts::OpenLease, instruction::OpenLease> {
        let (lease, lease_bump) = self.next_lease(job);
        let accounts = accounts::OpenLease {
            config: Self::config_address(),
            authority: self.scheduler.pubkey(),
            rent_payer: self.scheduler.pubkey(),
            node_key: node.key.pubkey(),
            job: job.address,
            node: node.address,
            provider: node.provider.address,
            lease,
            quorum: self.open_quorum(job),
            system_program: system_program::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let price = PricePerGpuHour(self.node(&node.address).price);
        let maximum = Seconds(self.job(&job.address).terms.lease_seconds);
        let args = OpenLeaseArgs { price: price.0, maximum_seconds: maximum.0, bid_book_root: [0; 32], lease_bump };
        Call::new(accounts, instruction::OpenLease { args }, &[&self.scheduler, &node.key])
    }

    pub fn do_open_lease(&mut self, job: &JobHandle, node: &NodeHandle) -> LeaseHandle {
        let call = self.open_lease(job, node);
        self.do_open_lease_as(job, node, &call)
    }

    /// The same by a call that a test has changed.
    pub fn do_open_lease_as(
        &mut self,
        job: &JobHandle,
        node: &NodeHandle,
        call: &Call<accounts::OpenLease, instruction::OpenLease>,
    ) -> LeaseHandle {
        self.send(call).expect("open_lease");
        LeaseHandle { address: call.accounts.lease, job: job.clone(), node: node.clone() }
    }

    /// At `price`, a bid in an auction whose bids have `bid_book_root`.
    pub fn open_lease_at(
        &self,
        job: &JobHandle,
        node: &NodeHandle,
        price: PricePerGpuHour,
        bid_book_root: [u8; 32],
    ) -> Call<accounts::OpenLease, instruction::OpenLease> {
        let mut call = self.open_lease(job, node);
        call.data.args.price = price.0;
        call.data.args.bid_book_root = bid_book_root;
        call
    }

    /// The buyer's own choice of node and price, without a scheduler.
    pub fn award_lease(
        &self,
        job: &JobHandle,
        node: &NodeHandle,
        price: PricePerGpuHour,
    ) -> Call<accounts::OpenLease, instruction::OpenLease> {
        let mut call = self.open_lease_at(job, node, price, [0; 32]);
        call.accounts.authority = job.buyer.address();
        call.accounts.rent_payer = job.buyer.address();
        call.signers = vec![job.buyer.key.insecure_clone(), node.key.insecure_clone()];
        call
    }

    /// Agreed by the scheduler and the node.
    pub fn extend_lease(
        &self,
        lease: &LeaseHandle,
        more: Seconds,
    ) -> Call<accounts::ExtendLease, instruction::ExtendLease> {
        let accounts = accounts::ExtendLease {
            config: Self::config_address(),
            authority: self.scheduler.pubkey(),
            node_key: lease.node.key.pubkey(),
            job: lease.job.address,
            lease: lease.address,
            node: lease.node.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = ExtendLeaseArgs { more_seconds: more.0 };
        Call::new(accounts, instruction::ExtendLease { args }, &[&self.scheduler, &lease.node.key])
    }

    pub fn do_extend_lease(&mut self, lease: &LeaseHandle, more: Seconds) -> Receipt {
        let call = self.extend_lease(lease, more);
        self.send(&call).expect("extend_lease")
    }

    pub fn notice_preemption(
        &self,
        lease: &LeaseHandle,
    ) -> Call<accounts::NoticePreemption, instruction::NoticePreemption> {
        let accounts = accounts::NoticePreemption {
            config: Self::config_address(),
            scheduler: self.scheduler.pubkey(),
            job: lease.job.address,
            lease: lease.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::NoticePreemption {}, &[&self.scheduler])
    }

    pub fn do_notice_preemption(&mut self, lease: &LeaseHandle) -> Receipt {
        let call = self.notice_preemption(lease);
        self.send(&call).expect("notice_preemption")
    }

    pub fn attest_node(
        &self,
        node: &NodeHandle,
        attestation: HardwareAttestation,
    ) -> Call<accounts::AttestNode, instruction::AttestNode> {
        let accounts = accounts::AttestNode {
            config: Self::config_address(),
            scheduler: self.scheduler.pubkey(),
            node: node.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let HardwareAttestation { class, expires_at } = attestation;
        let args = AttestNodeArgs { digest: [8; 32], class: class as u8, score: 970, expires_at: expires_at.0 };
        Call::new(accounts, instruction::AttestNode { args }, &[&self.scheduler])
    }

    pub fn do_attest_node(&mut self, node: &NodeHandle, attestation: HardwareAttestation) -> Receipt {
        let call = self.attest_node(node, attestation);
        self.send(&call).expect("attest_node")
    }
}
