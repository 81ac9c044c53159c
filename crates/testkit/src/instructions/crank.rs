use millrace::{accounts, instruction};
use millrace_protocol::Seconds;
use millrace_protocol::voucher::{ExitClass, Voucher};

use crate::{Call, Environment, JobHandle, LeaseHandle, Receipt, attestation, signature_check};

impl Environment {
    /// Redeems `voucher` under the scheduler's signature.
    pub fn settle(&self, lease: &LeaseHandle, voucher: &Voucher) -> Call<accounts::Settle, instruction::Settle> {
        let accounts = accounts::Settle {
            job: lease.job.address,
            job_vault: lease.job.vault,
            lease: lease.address,
            node: lease.node.address,
            provider: lease.node.provider.address,
            stake_vault: lease.node.provider.stake_vault,
            earnings_vault: lease.node.provider.earnings_vault,
            rent_payer: self.rent_payer_of(lease),
            quorum: self.open_quorum(&lease.job),
            instructions: solana_sdk_ids::sysvar::instructions::ID,
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let mut call = Call::new(accounts, instruction::Settle {}, &[]);
        call.before.push(signature_check(&self.scheduler, voucher));
        call
    }

    /// Attests `metered` seconds with the next sequence.
    pub fn do_settle(&mut self, lease: &LeaseHandle, metered: Seconds) -> Receipt {
        let sequence = self.lease(&lease.address).sequence + 1;
        let call = self.settle(lease, &attestation(lease.address, sequence, metered));
        self.send(&call).expect("settle")
    }

    /// The same, and the lease ends.
    pub fn do_settle_final(&mut self, lease: &LeaseHandle, metered: Seconds, exit_class: ExitClass) -> Receipt {
        let sequence = self.lease(&lease.address).sequence + 1;
        let last = Voucher { is_final: true, exit_class, ..attestation(lease.address, sequence, metered) };
        let call = self.settle(lease, &last);
        self.send(&call).expect("final settle")
    }

    pub fn expire_job(&self, job: &JobHandle) -> Call<accounts::ExpireJob, instruction::ExpireJob> {
        let accounts =
            accounts::ExpireJob { job: job.address, event_authority: Self::event_authority(), program: millrace::ID };
        Call::new(accounts, instruction::ExpireJob {}, &[])
    }

    pub fn do_expire_job(&mut self, job: &JobHandle) -> Receipt {
        let call = self.expire_job(job);
        self.send(&call).expect("expire_job")
    }

    pub fn expire_lease(&self, lease: &LeaseHandle) -> Call<accounts::ExpireLease, instruction::ExpireLease> {
        let accounts = accounts::ExpireLease {
            parties: self.lease_parties(lease),
            node: lease.node.address,
            quorum: self.open_quorum(&lease.job),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::ExpireLease {}, &[])
    }

    pub fn do_expire_lease(&mut self, lease: &LeaseHandle) -> Receipt {
        let call = self.expire_lease(lease);
        self.send(&call).expect("expire_lease")
    }

    pub fn finalize_lease(&self, lease: &LeaseHandle) -> Call<accounts::FinalizeLease, instruction::FinalizeLease> {
        let accounts = accounts::FinalizeLease {
            parties: self.lease_parties(lease),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::FinalizeLease {}, &[])
    }

    pub fn do_finalize_lease(&mut self, lease: &LeaseHandle) -> Receipt {
        let call = self.finalize_lease(lease);
        self.send(&call).expect("finalize_lease")
    }

    pub fn close_job(&self, job: &JobHandle) -> Call<accounts::CloseJob, instruction::CloseJob> {
        let accounts = accounts::CloseJob {
            job: job.address,
            job_vault: job.vault,
            refund_account: job.funder.tokens,
            rent_payer: job.funder.address(),
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::CloseJob {}, &[])
    }

    pub fn do_close_job(&mut self, job: &JobHandle) -> Receipt {
        let call = self.close_job(job);
        self.send(&call).expect("close_job")
    }
}
