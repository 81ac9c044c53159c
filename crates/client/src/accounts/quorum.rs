use millrace_protocol::Address;
use millrace_protocol::quorum::Quorum;

use super::{Account, AccountKind, DecodeError, read};
use crate::address::address as plain;

/// One round of a job whose results are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumAccount {
    pub address: Address,
    pub job: Address,
    /// Counts from 0 within the job.
    pub round: u32,
    /// Gets the account's rent back when the round is closed.
    pub rent_payer: Address,
    pub quorum: Quorum,
}

impl Account for QuorumAccount {
    const KIND: AccountKind = AccountKind::Quorum;

    fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError> {
        let account: millrace::state::Quorum = read(data)?;
        let quorum = account.rules().map_err(|_| DecodeError::Contradictory)?;
        quorum.invariant().map_err(|_| DecodeError::Contradictory)?;
        Ok(Self {
            address,
            job: plain(account.job),
            round: account.round,
            rent_payer: plain(account.rent_payer),
            quorum,
        })
    }
}
