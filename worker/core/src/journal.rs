use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, Seconds, UnixSeconds};
use millrace_spec::{Sha256, SignedBid};
use serde::{Deserialize, Serialize};

use crate::{Assignment, Exit, Failure, LeaseTerms, Notice, Outcome, Output, Saved, TaskKey};

/// One fact that must survive a power cut. Records are only ever added to the format: an older
/// worker's journal is replayed by a newer worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// Written before the signature leaves the rig.
    LeaseAccepted {
        lease: Address,
        terms: LeaseTerms,
    },
    /// The chain has it, whatever the orchestrator says meanwhile.
    LeaseHeld {
        lease: Address,
    },
    /// It may be so long in all, if that lands by then. Written before the signature leaves the rig: what runs on a
    /// lease that is longer now must not end with the one that was signed first, not even where no chain answers.
    LeaseExtended {
        lease: Address,
        maximum: Seconds,
        until: UnixSeconds,
    },
    TaskAssigned {
        assignment: Assignment,
    },
    TaskStarted {
        key: TaskKey,
        at: UnixSeconds,
    },
    TaskExited {
        key: TaskKey,
        exit: Exit,
    },
    CheckpointSaved {
        key: TaskKey,
        saved: Saved,
    },
    TaskUploaded {
        key: TaskKey,
        outputs: Vec<Output>,
    },
    /// The failure is decided; container and folders are still there.
    TaskFailing {
        key: TaskKey,
        failure: Failure,
    },
    /// Nothing of the task is left on the rig.
    TaskEnded {
        key: TaskKey,
        outcome: Outcome,
    },
    TaskAcknowledged {
        key: TaskKey,
    },
    LeaseEnding {
        lease: Address,
    },
    /// Its result is counted; the salt is for its commitment.
    LeaseCounted {
        lease: Address,
        salt: [u8; 32],
    },
    /// Written before the commitment leaves the rig: without it, it can never be shown.
    VotePrepared {
        lease: Address,
        #[serde(default)]
        job: Option<Address>,
        root: Sha256,
        salt: [u8; 32],
        /// When; zero where it is from an older worker.
        #[serde(default)]
        at: UnixSeconds,
    },
    /// It was shown, or can be shown no more.
    VoteOver {
        lease: Address,
    },
    /// Written before its containers hear of it.
    NoticeGiven {
        lease: Address,
        notice: Notice,
    },
    /// It ends without a report.
    LeaseOver {
        lease: Address,
    },
    LeaseReported {
        lease: Address,
        result_root: Sha256,
    },
    /// Work done is money owed: kept until the lease is closed, whoever disappears.
    Voucher {
        voucher: Voucher,
        signature: Vec<u8>,
    },
    LeaseClosed {
        lease: Address,
    },
    /// Written before the bid leaves the rig.
    BidSigned {
        signed: SignedBid,
        made_at: UnixSeconds,
        /// The lease that was had at it, where that is closed since: a journal that begins anew has no other record of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lease: Option<Address>,
    },
    /// Leases name GPUs by their place among these. Written before any is agreed on.
    GpusFound {
        uuids: Vec<String>,
    },
}

impl Record {
    /// When it was written, where it says so.
    pub fn at(&self) -> Option<UnixSeconds> {
        match self {
            Self::LeaseAccepted { terms, .. } => Some(terms.accepted_at),
            Self::TaskStarted { at, .. } => Some(*at),
            Self::BidSigned { made_at, .. } => Some(*made_at),
            _ => None,
        }
    }
}
