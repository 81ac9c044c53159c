use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, HardwareAttestation, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds};
use millrace_spec::Sha256;

use crate::{BidRefused, Brought, Cause, Lapse, Record};

/// What should happen outside, to be carried out in the order given.
#[allow(clippy::large_enum_variant, reason = "moved once, from the answer into the driver")]
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Write this to disk; what follows may only be sent once it is there.
    Persist(Record),
    /// Delete these from the disk, in order with the records: another job may come to the same address.
    Forget(Forgotten),
    FetchSpec {
        job: Address,
        spec_hash: Sha256,
    },
    /// Have the node sign, then submit `open_lease`.
    OfferLease(Offer),
    /// Have these nodes bid for a lease. Their bids come as [`crate::Event::BidMade`].
    InviteBids {
        nodes: Vec<Address>,
        invitation: Invitation,
    },
    /// The node's bid does not count.
    RefuseBid {
        node: Address,
        job: Address,
        auction: u32,
        reason: BidRefused,
    },
    /// Have the node sign that the lease has so many seconds more, then submit `extend_lease`.
    ProposeExtension {
        node: Address,
        lease: Address,
        more: Seconds,
    },
    AssignTask {
        node: Address,
        lease: Address,
        job: Address,
        task: u32,
        attempt: u32,
        /// A gang's nodes, by rank, which is the task's number; empty for a task on its own.
        peers: Vec<Address>,
        /// What it begins with.
        checkpoint: Option<Brought>,
    },
    /// The worker must not run this any more; whatever it produced is dropped.
    StopTask {
        node: Address,
        lease: Address,
        task: u32,
        attempt: u32,
    },
    /// The worker's final report of a task was taken (or is not wanted): it may forget it.
    AcknowledgeTask {
        node: Address,
        lease: Address,
        task: u32,
        attempt: u32,
    },
    /// No task is left for the lease: the worker cleans up and reports its result root. Where results are counted it
    /// commits to that root on chain first.
    EndLease {
        node: Address,
        lease: Address,
        counted: bool,
    },
    /// The lease ends by a notice, in so much time: its containers are to save what they have. Told again with each
    /// heartbeat.
    TellNotice {
        node: Address,
        lease: Address,
        left: Seconds,
    },
    /// The lease no longer exists; a worker that still holds it cleans up without a report.
    LeaseOver {
        node: Address,
        lease: Address,
    },
    /// Sign the voucher and hand it to the node. It has been persisted.
    IssueVoucher {
        node: Address,
        voucher: Voucher,
    },
    /// Redeem the voucher on chain.
    Settle {
        lease: Address,
        voucher: Voucher,
    },
    /// Tell a spot lease on chain that it ends when the network's notice is over.
    NoticePreemption {
        lease: Address,
    },
    ExpireLease {
        lease: Address,
    },
    /// Settle a reported lease to which nobody objected.
    FinalizeLease {
        lease: Address,
    },
    /// Dispute a reported lease, which a spot check has found another result than. The evidence is in the job's
    /// findings.
    OpenDispute {
        lease: Address,
        evidence: Sha256,
        /// What the challenger must have in its token account.
        bond: MicroUsdc,
    },
    /// Count the results of the job's open round.
    TallyQuorum {
        job: Address,
    },
    /// Settle a reported lease by what its round's count said.
    SettleMember {
        lease: Address,
    },
    /// Close the account of the job's round, which is over.
    CloseQuorum {
        job: Address,
    },
    /// Settle a disputed lease that nobody has decided in time.
    ExpireDispute {
        lease: Address,
    },
    ExpireJob {
        job: Address,
    },
    CloseJob {
        job: Address,
    },
    /// Have the node's worker answer a GPU challenge.
    ChallengeNode(ChallengeOrder),
    /// Tell the node's worker why its GPUs count as not shown.
    TellRefusal {
        node: Address,
        cause: Cause,
    },
    /// Write down on chain what the node's hardware was shown to be; of the class `Claimed`, take it back.
    AttestNode {
        node: Address,
        attestation: HardwareAttestation,
        /// Of the evidence.
        digest: Sha256,
        score: u16,
    },
    /// Nothing to do; worth a line in the log.
    Notice(Notice),
}

impl Action {
    /// Whether it is carried out on the disk, together with others like it and before all else.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Persist(_) | Self::Forget(_))
    }
}

/// A job that was kept for as long as it is to be, or for which another one has come to its address since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    pub job: Address,
    /// Of its account.
    pub opened_slot: u64,
    pub leases: Vec<Address>,
    /// The address has another job now, whose records, with its tasks and its auctions, stay.
    pub is_replaced: bool,
}

/// A lease the scheduler wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Tells offers of one run of the orchestrator apart.
    pub offer: u64,
    pub job: Address,
    pub node: Address,
    pub provider: Address,
    /// The lease's number within the job.
    pub number: u32,
    pub price: PricePerGpuHour,
    pub maximum: Seconds,
    /// Root of the bids, where the price is one of them.
    pub bid_book: Option<Sha256>,
    /// Where the job's results are counted.
    pub joins: Option<Joins>,
}

/// The round that a lease joins when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joins {
    /// Its number within the job.
    pub round: u32,
    /// It is opened in the same transaction: anybody may close a round as long as it is empty.
    pub opens: bool,
}

/// What a node is asked to bid for: one lease of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub job: Address,
    pub opened_slot: u64,
    /// The auction's number within the job.
    pub auction: u32,
    /// Until when a bid must be good.
    pub valid_until: UnixSeconds,
}

/// All GPUs of a node at the same time. Whoever carries it out draws what must be random and not known before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeOrder {
    /// Tells challenges of one run of the orchestrator apart.
    pub challenge: u64,
    pub node: Address,
    /// UUIDs, as the worker names them.
    pub gpus: Vec<String>,
    /// Memory that each of them has according to the node's account.
    pub vram_mib: u32,
    /// According to the account the GPUs do not exist: a processor may answer, and it shows nothing.
    pub simulated: bool,
}

/// Something an operator may want to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The worker's root over its outputs differs from the orchestrator's, which was signed.
    ResultRootDiffers { lease: Address, reported: Sha256, own: Sha256 },
    /// A task that was run again came to the same result.
    ResultsEqual { job: Address, task: u32 },
    /// A task that was run again came to another result.
    ResultsDiffer { job: Address, task: u32, first: Address, second: Address },
    /// A task that was drawn for a spot check was not compared.
    CheckLapsed { job: Address, task: u32, reason: Lapse },
    /// Tasks went back to the queue because their worker fell silent.
    WorkerSilent { node: Address, lease: Address },
}
