use millrace_protocol::quorum::Quorum;
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, Seconds, UnixSeconds};
use millrace_spec::{ObjectRef, SignedBid};
use serde::{Deserialize, Serialize};

use crate::{Assignment, Failure, GpuFault, LeaseTerms, Round, Saved, Setback, TaskKey};

/// How a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub code: i64,
    pub out_of_memory: bool,
}

impl Exit {
    /// Whether it looks like the work of somebody else: of an engine that was stopped (SIGTERM,
    /// SIGKILL), or that came back after a crash and knows nothing better than 255.
    pub(crate) fn is_from_outside(self) -> bool {
        !self.out_of_memory && matches!(self.code, 137 | 143 | 255)
    }
}

/// A file the container left, uploaded and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Relative to `/outputs`.
    pub path: String,
    pub object: ObjectRef,
}

/// Why a task is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StopReason {
    /// The scheduler gave it to another rig, or the job was cancelled.
    Requested,
    /// Its lease ends.
    LeaseOver,
}

/// What became of the last thing done for a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskEvent {
    InputsReady,
    ImageReady {
        digest: String,
    },
    Created,
    Started,
    Exited(Exit),
    /// It has ended badly, and something else than its exit status says why.
    EndedBy(Failure),
    /// The engine knows no such container any more.
    Vanished,
    Uploaded(Vec<Output>),
    /// What it was to begin with is of no use.
    CheckpointLost(Setback),
    /// The round of this number is over; nothing was saved where there was nothing. One that was set back may have
    /// saved the rest.
    RoundOver {
        round: Round,
        number: u32,
        saved: Option<Saved>,
        setback: Option<Setback>,
    },
    /// The step under way failed.
    Failed(Failure),
    /// The engine does not answer, and nothing else shows that the container still runs.
    OutOfSight,
    /// It runs, or the engine tells what became of it.
    InSight,
    /// Container and folders are gone.
    Cleaned,
}

/// All that can happen to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An offer was checked with [`crate::policy::check`] and signed.
    OfferAccepted {
        lease: Address,
        terms: LeaseTerms,
    },
    /// The rig has signed that a lease may be this long in all, as [`crate::policy::check_extension`] has it.
    ExtensionAgreed {
        lease: Address,
        maximum: Seconds,
    },
    /// The rig bids in an auction, as [`crate::policy::bid`] has it, and has signed that.
    BidSigned(SignedBid),
    TaskAssigned(Assignment),
    /// What the lease's buyer has sealed for this rig is here, and was opened.
    Unsealed(Address),
    StopTask {
        key: TaskKey,
        reason: StopReason,
    },
    /// The scheduler has booked the task's end.
    TaskAcknowledged(TaskKey),
    EndLease(Address),
    /// The same, of a lease whose result is counted with others'. The salt is known to nobody but this
    /// rig.
    CountLease {
        lease: Address,
        salt: [u8; 32],
    },
    /// The round in which the lease's result is counted, and the chain's time; no round once the lease is settled.
    /// Follows [`crate::Action::ReadRound`].
    RoundRead {
        lease: Address,
        round: Option<Box<Quorum>>,
        clock: UnixSeconds,
    },
    /// The lease ends by a notice, in so many seconds. Told again and again; the first word counts.
    NoticeGiven {
        lease: Address,
        left: Seconds,
    },
    /// The orchestrator says that the lease does not exist (any more).
    LeaseOver(Address),
    /// A voucher whose signature was verified.
    Voucher {
        voucher: Voucher,
        signature: Vec<u8>,
    },
    /// What the chain has of a lease, and the chain's time; `None` where it has no such account, or another node's: an
    /// offer that came to nothing may have been made to that one then. Follows
    /// [`crate::Action::ReadLease`] and each of the transactions that the agent asks for.
    LeaseRead {
        lease: Address,
        account: Option<millrace_protocol::Lease>,
        clock: UnixSeconds,
    },
    /// UUIDs of the rig's GPUs, by position: once, before any other event. Those that leases hold and that are gone stay
    /// in their place.
    GpusFound(Vec<String>),
    /// Something is wrong with a GPU.
    GpuFault {
        /// By position in the inventory.
        gpu: u16,
        fault: GpuFault,
    },
    /// The orchestrator wants to see the rig's GPUs, and waits for it until then.
    ChallengeAsked {
        number: u64,
        until: UnixSeconds,
    },
    /// Nothing works on the challenge any more, whatever came of it.
    ChallengeEnded(u64),
    /// The link to the orchestrator stands again: it must hear what it may have missed.
    Connected,
    Task {
        key: TaskKey,
        event: TaskEvent,
    },
    /// Time passes; at least once a second.
    Tick,
}
