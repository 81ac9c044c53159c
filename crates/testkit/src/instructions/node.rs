use millrace::{accounts, instruction};
use solana_signer::Signer;

use crate::{Call, Environment, LeaseHandle, Receipt};

impl Environment {
    pub fn extend_start(&self, lease: &LeaseHandle) -> Call<accounts::ExtendStart, instruction::ExtendStart> {
        let accounts = accounts::ExtendStart {
            node_key: lease.node.key.pubkey(),
            node: lease.node.address,
            lease: lease.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::ExtendStart {}, &[&lease.node.key])
    }

    pub fn do_extend_start(&mut self, lease: &LeaseHandle) -> Receipt {
        let call = self.extend_start(lease);
        self.send(&call).expect("extend_start")
    }

    pub fn hold_lease(&self, lease: &LeaseHandle) -> Call<accounts::HoldLease, instruction::HoldLease> {
        let accounts = accounts::HoldLease {
            node_key: lease.node.key.pubkey(),
            node: lease.node.address,
            lease: lease.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::HoldLease {}, &[&lease.node.key])
    }

    pub fn do_hold_lease(&mut self, lease: &LeaseHandle) -> Receipt {
        let call = self.hold_lease(lease);
        self.send(&call).expect("hold_lease")
    }
}
