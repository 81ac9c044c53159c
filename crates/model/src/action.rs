use millrace_protocol::transitions::{JobExtension, LeaseOffer};
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{HardwareAttestation, JobTerms, MicroUsdc, Ruling, Seconds, UnixSeconds};

/// Who pays a job's deposit, and gets back what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Funding {
    Wallet,
    Funder,
    /// The prepaid balance, by the buyer.
    Balance,
    /// The prepaid balance, by a delegate within its allowance.
    Delegate,
}

/// What somebody sends to the market. Numbers are positions in its lists.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    Wait(Seconds),

    DepositBalance {
        buyer: usize,
        amount: MicroUsdc,
    },
    WithdrawBalance {
        buyer: usize,
        amount: MicroUsdc,
    },
    SetAllowance {
        buyer: usize,
        per_job: MicroUsdc,
        total: MicroUsdc,
        expires_at: UnixSeconds,
    },
    OpenJob {
        buyer: usize,
        funding: Funding,
        terms: JobTerms,
    },
    ExtendJob {
        job: usize,
        extension: JobExtension,
    },
    CancelJob {
        job: usize,
    },
    ExpireJob {
        job: usize,
    },
    CloseJob {
        job: usize,
    },

    OpenLease {
        job: usize,
        node: usize,
        offer: LeaseOffer,
    },
    /// Redeems, on `lease`, a voucher for lease `of`.
    Settle {
        lease: usize,
        of: usize,
        sequence: u64,
        metered: Seconds,
        downtime: Seconds,
        is_final: bool,
        class: ExitClass,
    },
    HoldLease {
        lease: usize,
    },
    ExtendStart {
        lease: usize,
    },
    ExtendLease {
        lease: usize,
        more: Seconds,
    },
    NoticePreemption {
        lease: usize,
    },
    ExpireLease {
        lease: usize,
    },
    AcceptLease {
        lease: usize,
    },
    FinalizeLease {
        lease: usize,
    },

    OpenDispute {
        lease: usize,
    },
    ResolveDispute {
        dispute: usize,
        ruling: Ruling,
    },
    ExpireDispute {
        dispute: usize,
    },

    Commit {
        lease: usize,
        root: u8,
    },
    /// Shows `root`, whatever was committed.
    Reveal {
        lease: usize,
        root: u8,
    },
    Tally {
        round: usize,
    },
    SettleMember {
        lease: usize,
    },
    CloseQuorum {
        round: usize,
    },

    AddStake {
        provider: usize,
        amount: MicroUsdc,
    },
    Unbond {
        provider: usize,
        amount: MicroUsdc,
    },
    WithdrawStake {
        provider: usize,
    },
    WithdrawEarnings {
        provider: usize,
    },
    SweepFees {
        provider: usize,
    },
    Delist {
        provider: usize,
    },
    Relist {
        provider: usize,
    },
    SetDraining {
        provider: usize,
        draining: bool,
    },
    Attest {
        node: usize,
        attestation: HardwareAttestation,
    },
}

impl Action {
    /// Whether sending it a second time at the same moment must be refused. What only adds (money, time,
    /// another job) may be wanted twice; the chain itself tells such transactions apart.
    pub fn happens_once(self) -> bool {
        !matches!(
            self,
            Self::Wait(_)
                | Self::DepositBalance { .. }
                | Self::WithdrawBalance { .. }
                | Self::SetAllowance { .. }
                | Self::OpenJob { .. }
                | Self::ExtendJob { .. }
                | Self::OpenLease { .. }
                | Self::ExtendLease { .. }
                | Self::AddStake { .. }
                | Self::Unbond { .. }
                | Self::SetDraining { .. }
                | Self::Attest { .. }
        )
    }
}
