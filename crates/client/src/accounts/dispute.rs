use millrace_protocol::{Address, Dispute};

use super::{Account, AccountKind, DecodeError, read};
use crate::address::address as plain;

/// A challenge of a reported lease; gone with the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeAccount {
    pub address: Address,
    pub job: Address,
    pub lease: Address,
    /// Paid the bond, and gets it back unless the provider is right.
    pub challenger: Address,
    /// SHA-256 of the challenger's evidence.
    pub evidence_hash: [u8; 32],
    /// Gets the account's rent back when the dispute is over.
    pub rent_payer: Address,
    pub dispute: Dispute,
}

impl Account for DisputeAccount {
    const KIND: AccountKind = AccountKind::Dispute;

    fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError> {
        let account: millrace::state::Dispute = read(data)?;
        Ok(Self {
            address,
            job: plain(account.job),
            lease: plain(account.lease),
            challenger: plain(account.challenger),
            evidence_hash: account.evidence_hash,
            rent_payer: plain(account.rent_payer),
            dispute: account.rules().map_err(|_| DecodeError::Contradictory)?,
        })
    }
}
