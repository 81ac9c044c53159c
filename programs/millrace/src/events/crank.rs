use anchor_lang::prelude::*;

use crate::ending::Balances;

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
    /// From the provider's bond into the job's vault: the service level's credit.
    pub compensation: u64,
    pub before: Balances,
    pub after: Balances,
    /// Paid for this lease so far, fees included.
    pub lease_paid: u64,
    pub lease_fees: u64,
    /// How the lease ended, by the protocol's numbers; none while it goes on.
    pub outcome: Option<u8>,
    /// Whether the lease is gone; one that ended and is not waits for its window or its count.
    pub settled: bool,
    /// Until when a report may be disputed; zero without one.
    pub disputable_until: u64,
    pub result_root: [u8; 32],
    /// The job's state after the settlement.
    pub job_state: u8,
    pub at: u64,
}

/// What settled a lease, other than a voucher.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettledBy {
    /// One of its deadlines.
    Deadline,
    /// The buyer's word.
    Acceptance,
    /// The end of its dispute window.
    WindowOver,
    /// The arbiter, for the provider.
    RulingForProvider,
    /// The arbiter, for the buyer.
    RulingForBuyer,
    /// The arbiter, half and half.
    RulingSplit,
    /// The end of the arbiter's time.
    ArbiterSilent,
    /// The count of its quorum.
    Count,
}

/// A lease is settled and gone.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseSettled {
    pub job: Pubkey,
    pub lease: Pubkey,
    pub number: u32,
    pub node: Pubkey,
    pub provider: Pubkey,
    pub by: SettledBy,
    /// How the lease ended, by the protocol's numbers.
    pub outcome: u8,
    /// Sequence of the last voucher that was redeemed.
    pub sequence: u64,
    pub metered_seconds: u64,
    /// Moved by this settlement, `fee` included.
    pub payment: u64,
    /// The network's part of `payment`.
    pub fee: u64,
    /// Paid for this lease in all, fees included.
    pub lease_paid: u64,
    pub lease_fees: u64,
    pub bond: u64,
    /// From the bond into the job's vault: a penalty, a credit, or both.
    pub compensation: u64,
    /// From the bond into the earnings vault, as the network's.
    pub forfeit: u64,
    /// A challenger's bond that went back.
    pub challenger_refund: u64,
    /// A challenger's bond that went to the provider.
    pub challenger_forfeit: u64,
    pub before: Balances,
    pub after: Balances,
    /// The job's state after the settlement.
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

/// No money moves.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumOpened {
    pub job: Pubkey,
    pub quorum: Pubkey,
    /// Counts from 0 within the job.
    pub round: u32,
    /// Equal results that win.
    pub needed: u8,
    pub size: u8,
    /// Seconds.
    pub reveal_window: u64,
    pub at: u64,
}

/// No money moves; the members are settled one by one.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumTallied {
    pub job: Pubkey,
    pub quorum: Pubkey,
    pub round: u32,
    /// 1 decided, 2 failed.
    pub verdict: u8,
    /// The result that won; zeros where none did.
    pub winner: [u8; 32],
    pub at: u64,
}

/// No money moves.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumClosed {
    pub job: Pubkey,
    pub quorum: Pubkey,
    pub round: u32,
    /// 0 where nobody was left to count, 1 decided, 2 failed.
    pub verdict: u8,
    pub at: u64,
}
