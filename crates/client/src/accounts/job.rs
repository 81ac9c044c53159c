use millrace_protocol::{Address, Job, UnixSeconds};

use super::{Account, AccountKind, DecodeError, read};
use crate::address::address as plain;

/// A job and the ledger of its vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobAccount {
    pub address: Address,
    pub buyer: Address,
    /// Chosen by the buyer.
    pub id: u64,
    /// Paid deposit and rent, and gets back what is left of both.
    pub funder: Address,
    /// Whose vouchers count.
    pub attestor: Address,
    pub mint: Address,
    /// SHA-256 of the canonical job file.
    pub spec_hash: [u8; 32],
    /// Tells apart the jobs a buyer opens one after the other under the same id.
    pub opened_slot: u64,
    pub opened_at: UnixSeconds,
    pub job: Job,
}

impl JobAccount {
    /// Where the job's next lease will be.
    pub fn next_lease(&self) -> Address {
        crate::address::lease(self.address, self.opened_slot, self.job.leases_opened)
    }
}

impl Account for JobAccount {
    const KIND: AccountKind = AccountKind::Job;

    fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError> {
        let account: millrace::state::Job = read(data)?;
        let job = account.rules().map_err(|_| DecodeError::Contradictory)?;
        job.invariant().map_err(|_| DecodeError::Contradictory)?;
        Ok(Self {
            address,
            buyer: plain(account.buyer),
            id: account.id,
            funder: plain(account.funder),
            attestor: plain(account.attestor),
            mint: plain(account.mint),
            spec_hash: account.spec_hash,
            opened_slot: account.opened_slot,
            opened_at: UnixSeconds(account.opened_at),
            job,
        })
    }
}
