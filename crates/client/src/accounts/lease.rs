use millrace_protocol::{Address, Lease};

use super::{Account, AccountKind, DecodeError, read};
use crate::address::address as plain;

/// Metered time on one node for one job; a settled lease has no account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseAccount {
    pub address: Address,
    pub job: Address,
    /// Counts from 0 within the job.
    pub number: u32,
    pub node: Address,
    pub provider: Address,
    /// Whose vouchers count.
    pub attestor: Address,
    /// Merkle root over the outputs; zeros before the final voucher.
    pub result_root: [u8; 32],
    /// Root of all bids, where the price is one of an auction; zeros otherwise.
    pub bid_book_root: [u8; 32],
    /// Gets the account's rent back when the lease is settled.
    pub rent_payer: Address,
    pub lease: Lease,
}

impl Account for LeaseAccount {
    const KIND: AccountKind = AccountKind::Lease;

    fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError> {
        let account: millrace::state::Lease = read(data)?;
        let lease = account.rules().map_err(|_| DecodeError::Contradictory)?;
        lease.invariant().map_err(|_| DecodeError::Contradictory)?;
        Ok(Self {
            address,
            job: plain(account.job),
            number: account.number,
            node: plain(account.node),
            provider: plain(account.provider),
            attestor: plain(account.attestor),
            result_root: account.result_root,
            bid_book_root: account.bid_book_root,
            rent_payer: plain(account.rent_payer),
            lease,
        })
    }
}
