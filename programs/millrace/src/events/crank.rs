use anchor_lang::prelude::*;

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherSettled {
    pub job: Pubkey,
    pub lease: Pubkey,
    pub number: u32,
    pub node: Pubkey,
    pub provider: Pubkey,
    pub sequence: u64,
    /// Attested since the lease was opened.
    pub metered_seconds: u64,
    pub downtime_seconds: u64,
    /// Moved by this voucher, `fee` included.
    pub payment: u64,
    /// The network's part of `payment`.
    pub fee: u64,
    pub job_vault_before: u64,
    pub job_vault_after: u64,
    pub earnings_vault_before: u64,
    pub earnings_vault_after: u64,
    /// Paid for this lease so far, fees included.
    pub lease_paid: u64,
    pub lease_fees: u64,
    /// How the lease ended, by the protocol's numbers; none while it goes on.
    pub outcome: Option<u8>,
    pub result_root: [u8; 32],
    /// The job's state after the settlement.
    pub job_state: u8,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseExpired {
    pub job: Pubkey,
    pub lease: Pubkey,
    pub number: u32,
    pub node: Pubkey,
    pub provider: Pubkey,
    /// How the lease ended, by the protocol's numbers.
    pub outcome: u8,
    /// Sequence of the last voucher that was redeemed.
    pub sequence: u64,
    pub metered_seconds: u64,
    /// Paid for this lease in all, fees included.
    pub lease_paid: u64,
    pub lease_fees: u64,
    pub bond: u64,
    /// Taken from the bond into the job's vault.
    pub penalty: u64,
    pub stake_vault_before: u64,
    pub stake_vault_after: u64,
    pub job_vault_before: u64,
    pub job_vault_after: u64,
    /// The job's state after the expiry.
    pub job_state: u8,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobExpired {
    pub job: Pubkey,
    pub buyer: Pubkey,
    /// No money moves.
    pub vault: u64,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobClosed {
    pub job: Pubkey,
    pub buyer: Pubkey,
    pub funder: Pubkey,
    pub refund_account: Pubkey,
    /// How the job ended: 3 done, 4 expired.
    pub state: u8,
    pub deposit: u64,
    pub paid: u64,
    pub fees: u64,
    pub compensation: u64,
    /// deposit + compensation - paid - fees.
    pub refund: u64,
    /// Sent to the vault by strangers; goes to the funder too.
    pub surplus: u64,
    pub job_vault_before: u64,
    pub job_vault_after: u64,
    pub refund_account_before: u64,
    pub refund_account_after: u64,
    pub at: u64,
}
