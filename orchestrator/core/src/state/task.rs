use millrace_protocol::{Address, UnixSeconds};
use millrace_spec::ObjectRef;
use serde::{Deserialize, Serialize};

use crate::state::check::Check;

/// Something that went wrong outside, told to people as it is and never interpreted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Stable kebab-case code.
    pub code: String,
    pub message: String,
    pub hint: String,
}

/// Who has to answer for a failed task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The container ran and failed, or ran out of its limits.
    Buyer,
    /// The node could not run it: disk, Docker, GPU.
    Node,
    /// The image could not be had. One node's fault, until a second node says the same.
    Image,
    /// Nobody's: it was stopped on request.
    Nobody,
}

/// How far a handed out task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskPhase {
    /// Handed out, nothing heard yet.
    Assigned,
    /// The buyer has to bring something to the rig first.
    AwaitingSecrets {
        /// When the rig gives up, by its own clock.
        until: UnixSeconds,
    },
    FetchingInputs,
    /// The image is on its way.
    Pulling,
    Creating,
    Running,
    Uploading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskState {
    Pending,
    Active {
        lease: Address,
        phase: TaskPhase,
    },
    Done {
        lease: Address,
    },
    /// It failed as often as it may.
    Failed,
}

/// A file a task produced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Relative to the outputs folder, `/`-separated.
    pub path: String,
    pub object: ObjectRef,
}

/// What a task's next attempt begins with. All of it is with the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Names its files.
    pub manifest: ObjectRef,
    /// That made it.
    pub attempt: u32,
    pub files: u32,
    pub bytes: u64,
}

/// One piece of a job, such as a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub state: TaskState,
    /// Number of the last hand-out, from 1; a report of another number is stale.
    pub attempt: u32,
    /// Lease of the last hand-out.
    pub lease: Option<Address>,
    /// Failures by the buyer's own fault.
    pub failures: u32,
    pub last_failure: Option<Cause>,
    pub outputs: Vec<Output>,
    /// The newest, of whichever attempt; none once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Box<Checkpoint>>,
    /// Of one that is done and was drawn to be run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Box<Check>>,
    /// Bytes moved and to move in the current phase, where it moves any. Not kept on disk.
    #[serde(skip)]
    pub bytes: (u64, u64),
}

impl Default for Task {
    fn default() -> Self {
        Self::NEW
    }
}

impl Task {
    /// Nobody has had it yet.
    pub(crate) const NEW: Self = Self {
        state: TaskState::Pending,
        attempt: 0,
        lease: None,
        failures: 0,
        last_failure: None,
        outputs: Vec::new(),
        checkpoint: None,
        check: None,
        bytes: (0, 0),
    };

    /// What it made counts no more: it waits again, and may be drawn again.
    pub(crate) fn redo(&mut self) {
        self.state = TaskState::Pending;
        self.outputs.clear();
        if let Some(check) = self.check.take() {
            // A lease is never handed the same number twice.
            self.attempt = self.attempt.max(check.attempt);
        }
    }

    /// It failed by the buyer's own fault: for good, once it has failed more often than it may. Returns whether.
    pub(crate) fn blame(&mut self, retries: u32) -> bool {
        self.failures += 1;
        let for_good = self.failures > retries;
        if for_good {
            self.state = TaskState::Failed;
        }
        for_good
    }

    /// The lease that works on it now.
    pub fn active_lease(&self) -> Option<Address> {
        match self.state {
            TaskState::Active { lease, .. } => Some(lease),
            TaskState::Pending | TaskState::Done { .. } | TaskState::Failed => None,
        }
    }
}
