use anchor_lang::system_program;
use millrace::{OpenJobArgs, accounts, instruction};
use millrace_protocol::{JobTerms, seeds};

use crate::{Call, Environment, JobHandle, LeaseHandle, Receipt, Wallet};

impl Environment {
    /// The accounts of the buyer's job `id`.
    pub fn job_of(buyer: &Wallet, funder: &Wallet, id: u64) -> JobHandle {
        let address = Self::derive(&[seeds::JOB, buyer.address().as_ref(), &id.to_le_bytes()]);
        let vault = Self::derive(&[seeds::JOB_VAULT, address.as_ref()]);
        JobHandle { address, vault, buyer: buyer.clone(), funder: funder.clone() }
    }

    pub fn open_job(&self, job: &JobHandle, id: u64, terms: JobTerms) -> Call<accounts::OpenJob, instruction::OpenJob> {
        let id_bytes = id.to_le_bytes();
        let (_, job_bump) = Self::find(&[seeds::JOB, job.buyer.address().as_ref(), &id_bytes]);
        let (_, job_vault_bump) = Self::find(&[seeds::JOB_VAULT, job.address.as_ref()]);
        let accounts = accounts::OpenJob {
            config: Self::config_address(),
            buyer: job.buyer.address(),
            funder: job.funder.address(),
            funder_tokens: job.funder.tokens,
            job: job.address,
            mint: self.mint,
            job_vault: job.vault,
            token_program: anchor_spl::token::ID,
            system_program: system_program::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args =
            OpenJobArgs { id, spec_hash: [7; 32], terms: terms.into(), attestor: None, job_bump, job_vault_bump };
        Call::new(accounts, instruction::OpenJob { args }, &[&job.buyer.key, &job.funder.key])
    }

    /// A job of `buyer`'s own money.
    pub fn do_open_job(&mut self, buyer: &Wallet, id: u64, terms: JobTerms) -> JobHandle {
        let job = Self::job_of(buyer, buyer, id);
        let call = self.open_job(&job, id, terms);
        self.send(&call).expect("open_job");
        job
    }

    pub fn accept_lease(&self, lease: &LeaseHandle) -> Call<accounts::AcceptLease, instruction::AcceptLease> {
        let accounts = accounts::AcceptLease {
            buyer: lease.job.buyer.address(),
            parties: self.lease_parties(lease),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::AcceptLease {}, &[&lease.job.buyer.key])
    }

    pub fn do_accept_lease(&mut self, lease: &LeaseHandle) -> Receipt {
        let call = self.accept_lease(lease);
        self.send(&call).expect("accept_lease")
    }

    pub fn cancel_job(&self, job: &JobHandle) -> Call<accounts::CancelJob, instruction::CancelJob> {
        let accounts = accounts::CancelJob {
            buyer: job.buyer.address(),
            job: job.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::CancelJob {}, &[&job.buyer.key])
    }

    pub fn do_cancel_job(&mut self, job: &JobHandle) -> Receipt {
        let call = self.cancel_job(job);
        self.send(&call).expect("cancel_job")
    }
}
