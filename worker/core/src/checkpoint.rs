use millrace_protocol::Seconds;
use millrace_spec::ObjectRef;
use serde::{Deserialize, Serialize};

/// What a task keeps for its next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpointing {
    /// From the container's start, and from one checkpoint to the next.
    pub every: Seconds,
    /// What it begins with; none where there is nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restore>,
}

/// The newest checkpoint of the task, whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    pub manifest: ObjectRef,
    /// That made it.
    pub attempt: u32,
}

/// What a round has brought away: all files are at the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    pub manifest: ObjectRef,
    pub files: u32,
    pub bytes: u64,
}
