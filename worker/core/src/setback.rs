use std::fmt;

use millrace_protocol::Diagnostic;
use thiserror::Error;

use crate::{Cause, Failure, Round};

/// What went wrong beside a task, which goes on all the same.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum SetbackCause {
    #[error("what lies in /checkpoint cannot be kept")]
    CheckpointInvalid,
    #[error("a checkpoint could not be brought away")]
    CheckpointFailed,
    #[error("the last checkpoint was not away when its time was over")]
    CheckpointLate,
    #[error("the checkpoint to begin with is of no use: the task has begun with nothing")]
    CheckpointLost,
    #[error("a checkpoint takes longer to be brought away than from one to the next")]
    CheckpointSlow,
    #[error("what lies in /outputs could be no result")]
    OutputsInvalid,
    #[error("outputs could not be brought away while the task runs")]
    OutputsFailed,
    #[error("outputs take longer to be brought away than from one look to the next")]
    OutputsSlow,
}

impl Diagnostic for SetbackCause {
    fn code(&self) -> &'static str {
        match self {
            Self::CheckpointInvalid => "checkpoint-invalid",
            Self::CheckpointFailed => "checkpoint-failed",
            Self::CheckpointLate => "checkpoint-late",
            Self::CheckpointLost => "checkpoint-lost",
            Self::CheckpointSlow => "checkpoint-slow",
            Self::OutputsInvalid => "early-outputs-invalid",
            Self::OutputsFailed => "early-outputs-failed",
            Self::OutputsSlow => "early-outputs-slow",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::CheckpointInvalid => {
                "write plain files into /checkpoint, each under a name that ends in .partial, and rename it when it is \
                 whole; the next attempt begins with the checkpoint before"
            }
            Self::CheckpointFailed => {
                "nothing to do: it is tried again, and the next attempt begins with the checkpoint before"
            }
            Self::CheckpointLate => {
                "write less into /checkpoint, or more often; the next attempt begins with the checkpoint before"
            }
            Self::CheckpointLost => "nothing to do: the task works from the start",
            Self::CheckpointSlow => {
                "write less into /checkpoint, or raise `checkpoint.every`; it goes on, and until it is there the next \
                 attempt begins with the checkpoint before"
            }
            Self::OutputsInvalid => {
                "write plain files into /outputs: no links, no devices, within the job's limits; at the task's end they \
                 are refused"
            }
            Self::OutputsFailed => "nothing to do: it is tried again, and all outputs come at the task's end",
            Self::OutputsSlow => "raise `outputs.every`; it goes on, and all outputs come at the task's end",
        }
        .to_owned()
    }
}

/// A cause with what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    pub cause: SetbackCause,
    /// May be empty.
    pub detail: String,
}

impl Setback {
    pub fn new(cause: SetbackCause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into() }
    }

    /// A round that is not over when the next one is due.
    pub(crate) fn slow(round: Round) -> Self {
        match round {
            Round::Checkpoint => Self::new(SetbackCause::CheckpointSlow, ""),
            Round::Outputs => Self::new(SetbackCause::OutputsSlow, ""),
        }
    }

    /// A round that came to nothing, which fails no task.
    pub fn of(round: Round, failure: &Failure) -> Self {
        let (invalid, failed) = match round {
            Round::Checkpoint => (SetbackCause::CheckpointInvalid, SetbackCause::CheckpointFailed),
            Round::Outputs => (SetbackCause::OutputsInvalid, SetbackCause::OutputsFailed),
        };
        match failure.cause {
            Cause::OutputInvalid => Self::new(invalid, failure.detail.clone()),
            Cause::UploadFailed => Self::new(failed, failure.detail.clone()),
            _ => Self::new(failed, failure.to_string()),
        }
    }
}

impl fmt::Display for Setback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_str() {
            "" => write!(f, "{}", self.cause),
            detail => write!(f, "{}: {detail}", self.cause),
        }
    }
}
