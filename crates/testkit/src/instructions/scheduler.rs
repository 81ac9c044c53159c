use anchor_lang::prelude::Pubkey;
use anchor_lang::system_program;
use millrace::{OpenLeaseArgs, accounts, instruction};
use millrace_protocol::{PricePerGpuHour, Seconds, seeds};
use solana_signer::Signer;

use crate::{Call, Environment, JobHandle, LeaseHandle, NodeHandle};

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
        let args =
            OpenLeaseArgs { price: price.0, maximum_seconds: maximum.0, bid_book_root: [0; 32], lease_bump };
        Call::new(accounts, instruction::OpenLease { args }, &[&self.scheduler, &node.key])
    }

    pub fn do_open_lease(&mut self, job: &JobHandle, node: &NodeHandle) -> LeaseHandle {
        let call = self.open_lease(job, node);
        let address = call.accounts.lease;
        self.send(&call).expect("open_lease");
        LeaseHandle { address, job: job.clone(), node: node.clone() }
    }
}
