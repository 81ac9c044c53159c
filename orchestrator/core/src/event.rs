use std::collections::BTreeSet;

use millrace_protocol::quorum::Quorum;
use millrace_protocol::{Address, Dispute, Parameters, Provider};
use millrace_spec::{Runtime, Sha256, SignedBid};

use crate::evidence::Evidence;
use crate::state::task::{Brought, Cause, Fault, Round, TaskPhase};
use crate::{JobView, LeaseView, NodeView, Output, Workload};

/// What happened outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The network's parameters were read.
    ParametersSeen(Parameters),
    /// A provider was read. Readings may come late and out of order: what only grows on chain tells
    /// an older one from a newer one, see [`crate::JobView::is_older_than`].
    ProviderSeen {
        provider: Address,
        account: Provider,
    },
    NodeSeen {
        node: Address,
        view: NodeView,
    },
    JobSeen {
        job: Address,
        view: JobView,
    },
    LeaseSeen {
        lease: Address,
        view: LeaseView,
    },
    /// A round of a job whose results are counted, by its number within the job.
    QuorumSeen {
        job: Address,
        round: u32,
        quorum: Box<Quorum>,
    },
    /// A lease's dispute, as its challenger opened it.
    DisputeSeen {
        lease: Address,
        dispute: Dispute,
    },
    /// An account does not exist any more.
    AccountGone {
        address: Address,
    },

    SpecFetched {
        job: Address,
        workload: Workload,
    },
    /// The spec could not be had. `permanent` when trying again cannot help.
    SpecFailed {
        job: Address,
        cause: Cause,
        permanent: bool,
    },

    /// A worker proved its node key. `session` tells later streams of the same node apart.
    WorkerConnected {
        node: Address,
        session: u64,
        images: BTreeSet<String>,
        held: Vec<HeldLease>,
    },
    WorkerDisconnected {
        node: Address,
        session: u64,
    },
    /// The rig's owner says that it takes no further lease, or that it takes leases again. Told before
    /// [`Event::WorkerConnected`], too: nothing is offered in between.
    WorkerDraining {
        node: Address,
        draining: bool,
    },
    /// The runtimes that the worker's engine has beside its own. Told before [`Event::WorkerConnected`].
    WorkerRuntimes {
        node: Address,
        runtimes: BTreeSet<Runtime>,
    },
    /// The images that the worker's engine has now.
    WorkerImages {
        node: Address,
        images: BTreeSet<String>,
    },
    /// How fast the node's inputs and outputs moved, as measured where they are kept.
    LinkMeasured {
        node: Address,
        kib_per_second: u32,
    },
    /// Still there, and holding these leases.
    Heartbeat {
        node: Address,
        leases: Vec<Address>,
    },
    TaskUpdate {
        node: Address,
        lease: Address,
        task: u32,
        attempt: u32,
        progress: TaskProgress,
    },
    /// A worker has brought something of a task away; all of it is with the objects.
    BroughtAway {
        node: Address,
        lease: Address,
        task: u32,
        round: Round,
        brought: Brought,
    },
    /// Something goes wrong beside a task that goes on; no cause where it goes well again.
    SetBack {
        node: Address,
        lease: Address,
        task: u32,
        attempt: u32,
        round: Round,
        cause: Option<Cause>,
    },
    /// What the lease's container is made from: a tag may mean something else tomorrow.
    ImageFound {
        node: Address,
        lease: Address,
        digest: Sha256,
    },
    /// The worker ended the lease and names the root over what it produced.
    LeaseReport {
        node: Address,
        lease: Address,
        result_root: Sha256,
    },
    /// An offer came to nothing: refused by the node, or not answered.
    OfferFailed {
        job: Address,
        offer: u64,
        failure: OpenFailure,
    },

    /// More time that was proposed for a lease came to nothing: refused by its node, or not answered.
    ExtensionFailed {
        lease: Address,
        failure: OpenFailure,
    },

    /// A node bids for a lease. Its signature was verified against `key`, which is the node's.
    BidMade {
        signed: SignedBid,
        key: Address,
    },
    /// A node that was invited does not bid.
    BidDeclined {
        node: Address,
        job: Address,
        auction: u32,
    },
    /// A worker that answers GPU challenges names its GPUs by their UUIDs.
    GpusAnnounced {
        node: Address,
        session: u64,
        gpus: Vec<String>,
    },
    /// A challenge is over. Its answers were verified outside.
    ChallengeEnded {
        node: Address,
        challenge: u64,
        result: ChallengeResult,
    },

    /// A transaction is final enough to build on.
    TransactionDone {
        transaction: Transaction,
        signature: String,
    },
    TransactionFailed {
        transaction: Transaction,
        cause: Cause,
    },

    /// Time has passed.
    Tick,
}

/// Why what was proposed to a node, a lease or more time for one, came to nothing before any transaction was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenFailure {
    Refused(Cause),
    Unanswered,
}

/// What a GPU challenge came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChallengeResult {
    /// Every GPU answered right and in time.
    Shown(Box<Evidence>),
    /// One of them did not.
    Refused(Cause),
    /// The rig had something better to do, or went away: nobody's fault, and nothing is shown.
    GivenUp,
}

/// A transaction the orchestrator sent, by what it was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transaction {
    OpenLease { job: Address, offer: u64 },
    ExtendLease { lease: Address },
    Settle { lease: Address, sequence: u64 },
    NoticePreemption { lease: Address },
    ExpireLease { lease: Address },
    FinalizeLease { lease: Address },
    OpenDispute { lease: Address },
    ExpireDispute { lease: Address },
    TallyQuorum { job: Address },
    SettleMember { lease: Address },
    CloseQuorum { job: Address },
    ExpireJob { job: Address },
    CloseJob { job: Address },
    AttestNode { node: Address },
}

/// A lease as a worker found it in its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLease {
    pub lease: Address,
    pub tasks: Vec<HeldTask>,
}

/// A task a worker still has: running, or done and not yet acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldTask {
    pub task: u32,
    pub attempt: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TaskProgress {
    /// With bytes moved and to move, where the phase moves any.
    Phase {
        phase: TaskPhase,
        bytes: (u64, u64),
    },
    Done {
        outputs: Vec<Output>,
    },
    Failed {
        fault: Fault,
        /// Of a container that ended by itself.
        exit_code: Option<i32>,
        cause: Cause,
    },
}
