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
    /// Paid the deposit, and gets back what is left of it.
    pub funder: Address,
    /// The deposit came from the buyer's balance and returns to it; `funder` is that account.
    pub prepaid: bool,
    /// Paid for the accounts of the job and its vault.
    pub rent_payer: Address,
    /// Whose vouchers count; none for whoever is the network's scheduler when a lease is opened.
    pub attestor: Option<Address>,
    /// Round of the open quorum, or of the next one.
    pub quorum_round: u32,
    /// Whether the account of that round exists.
    pub quorum_open: bool,
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

    /// Where the round in `quorum_round` is, or will be.
    pub fn round(&self) -> Address {
        crate::address::quorum(self.address, self.opened_slot, self.quorum_round)
    }

    /// The account of the round that is open, where the job's results are counted.
    pub fn open_quorum(&self) -> Option<Address> {
        self.quorum_open.then(|| self.round())
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
            prepaid: account.prepaid != 0,
            rent_payer: plain(account.rent_payer),
            attestor: Some(plain(account.attestor)).filter(|attestor| *attestor != Address([0; 32])),
            quorum_round: account.quorum_round,
            quorum_open: account.quorum_open != 0,
            mint: plain(account.mint),
            spec_hash: account.spec_hash,
            opened_slot: account.opened_slot,
            opened_at: UnixSeconds(account.opened_at),
            job,
        })
    }
}
