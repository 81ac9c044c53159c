use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, MicroUsdc, UnixSeconds};
use millrace_spec::Sha256;

use crate::{Assignment, ChallengeRefusal, Failure, GpuFault, Output, Record, Round, Saved, Setback, TaskKey};

/// What the shell has to do, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Must be on disk before the next action begins.
    Journal(Record),
    /// Check the disk, then bring the inputs into the task's folder.
    FetchInputs(Assignment),
    /// Use the local image, or pull it.
    PullImage(Assignment),
    CreateContainer(Assignment),
    StartContainer(TaskKey),
    /// Follow the container's logs and wait for its end.
    Follow(TaskKey),
    /// Copy what a container has printed that ended while nobody followed it.
    CopyLog(TaskKey),
    /// Ask the container to stop (SIGTERM).
    Terminate(TaskKey),
    /// Do not ask any more (SIGKILL).
    Kill(TaskKey),
    /// Bring away what is whole. One of the same kind that is under way is given up.
    BringAway {
        round: Round,
        assignment: Assignment,
        /// Tells the task's rounds of one kind and one run of the worker apart.
        number: u32,
    },
    /// Check, hash and upload what lies in the outputs folder.
    CollectOutputs(Assignment),
    /// Break off what is under way for the task; remove its containers and folders.
    Clean(TaskKey),
    /// Remove a container that nobody owns.
    RemoveContainer(String),
    /// Remove the folders of every task not named.
    RemoveFoldersExcept(Vec<TaskKey>),
    /// Look the lease up on chain.
    ReadLease(Address),
    /// Bring the lease's latest voucher to the chain: nobody else has.
    Redeem {
        voucher: Voucher,
        /// The attestor's.
        signature: Vec<u8>,
    },
    /// Take the lease's one extension of its start.
    ExtendStart(Address),
    /// Say on chain that the rig works on, although no voucher comes.
    HoldLease(Address),
    /// Look up the round on chain in which the lease's result is counted.
    ReadRound(Address),
    /// Bind the rig to the result on chain, without showing it.
    CommitResult {
        lease: Address,
        root: Sha256,
        salt: [u8; 32],
    },
    /// Show the result on chain that the rig has committed to.
    RevealResult {
        lease: Address,
        root: Sha256,
        salt: [u8; 32],
    },
    /// Have the rig's GPUs answer the challenge of this number.
    AnswerChallenge(u64),
    /// Stop whatever works on the challenge. The next action begins when the GPUs are free.
    GiveUpChallenge(u64),
    /// Tell the orchestrator, now if connected; what matters is told again on [`crate::Event::Connected`].
    Report(Report),
}

/// What the orchestrator hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// With the moment at which the wait for the buyer ends, by the rig's clock.
    AwaitingSecrets(TaskKey, UnixSeconds),
    FetchingInputs(TaskKey),
    Pulling(TaskKey),
    /// With the digest of the image in use.
    Creating(TaskKey, String),
    Starting(TaskKey),
    Running(TaskKey),
    Uploading(TaskKey),
    /// Also after its task has ended, until that is booked.
    BroughtAway(TaskKey, Round, Saved),
    /// What goes wrong beside a task that goes on; none where it goes well again.
    SetBack(TaskKey, Round, Option<Setback>),
    Done(TaskKey, Vec<Output>),
    Failed(TaskKey, Failure),
    LeaseEnded {
        lease: Address,
        /// Merkle root over the outputs of the lease's finished tasks, by task, then path; where results are
        /// counted and a task failed, [`millrace_spec::merkle::failed`].
        result_root: Sha256,
    },
    /// Something is wrong with a GPU: for the rig's owner.
    GpuFault {
        /// By position in the inventory.
        gpu: u16,
        fault: GpuFault,
    },
    ChallengeDeclined {
        number: u64,
        reason: ChallengeRefusal,
    },
    /// A lease's last voucher came: what the rig earned with it, fee included.
    LeaseClosed {
        lease: Address,
        earned: MicroUsdc,
    },
}
