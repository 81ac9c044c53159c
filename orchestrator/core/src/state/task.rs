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

/// What is brought away of a task while its container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// What its next attempt begins with.
    Checkpoint,
    /// What is finished of its outputs, for the buyer to see before the end.
    Outputs,
}

/// What a round has brought away. All of it is with the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// Names its files.
    pub manifest: ObjectRef,
    /// That made it.
    pub attempt: u32,
    pub files: u32,
    pub bytes: u64,
}

/// What goes wrong beside a task that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    pub attempt: u32,
    pub cause: Cause,
}

/// What the last rounds of a task came to, where that was nothing.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Setbacks {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Setback>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Setback>,
}

impl Setbacks {
    fn of(&mut self, round: Round) -> &mut Option<Setback> {
        match round {
            Round::Checkpoint => &mut self.checkpoint,
            Round::Outputs => &mut self.outputs,
        }
    }
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
    pub checkpoint: Option<Box<Brought>>,
    /// What was finished of its outputs, of whichever attempt; none once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_outputs: Option<Box<Brought>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setbacks: Option<Box<Setbacks>>,
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
        early_outputs: None,
        setbacks: None,
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

    /// Takes note of what a round came to. Returns whether that is anything new.
    pub(crate) fn set_back(&mut self, round: Round, setback: Option<Setback>) -> bool {
        if setback.is_none() && self.setbacks.is_none() {
            return false;
        }
        let setbacks = self.setbacks.get_or_insert_default();
        let known = setbacks.of(round);
        let is_new = *known != setback;
        *known = setback;
        if **setbacks == Setbacks::default() {
            self.setbacks = None;
        }
        is_new
    }

    /// Forgets those of the attempt that is under way. Returns whether there are any.
    pub(crate) fn forget_setbacks(&mut self) -> bool {
        let Some(mut setbacks) = self.setbacks.take() else { return false };
        let before = setbacks.clone();
        for setback in [&mut setbacks.checkpoint, &mut setbacks.outputs] {
            setback.take_if(|told| told.attempt == self.attempt);
        }
        let is_new = setbacks != before;
        self.setbacks = Some(setbacks).filter(|left| **left != Setbacks::default());
        is_new
    }

    /// Takes note of what a round has brought away. Returns whether that is anything new.
    pub(crate) fn keep(&mut self, round: Round, brought: Brought) -> bool {
        let kept = match round {
            Round::Checkpoint => &mut self.checkpoint,
            Round::Outputs => &mut self.early_outputs,
        };
        let is_new = kept.as_deref() != Some(&brought);
        if is_new {
            *kept = Some(brought.into());
        }
        self.set_back(round, None) || is_new
    }

    /// It is done: nobody goes on from anything that was brought away before.
    pub(crate) fn finish(&mut self, lease: Address, outputs: Vec<Output>) {
        self.state = TaskState::Done { lease };
        self.outputs = outputs;
        (self.checkpoint, self.early_outputs, self.setbacks) = (None, None, None);
    }

    /// The lease that works on it now.
    pub fn active_lease(&self) -> Option<Address> {
        match self.state {
            TaskState::Active { lease, .. } => Some(lease),
            TaskState::Pending | TaskState::Done { .. } | TaskState::Failed => None,
        }
    }
}
