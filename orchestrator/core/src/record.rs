use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, UnixSeconds};
use millrace_spec::Sha256;
use serde::{Deserialize, Serialize};

use crate::auction::Auction;
use crate::state::check::Finding;
use crate::state::job::{JobEntry, Outcome, SpecStatus};
use crate::state::lease::{LeaseEntry, Stage};
use crate::state::proof::{Proof, Refused, SeenGpu, Shown};
use crate::state::reservation::Reservation;
use crate::state::restarts::Restarts;
use crate::state::story::Earlier;
use crate::state::task::{Cause, Task};
use crate::{JobView, LeaseView, Meter};

/// A piece of state as it is written to disk. A record replaces the earlier one with the same key:
/// the job's address, the job's address and the task's number, the lease's address, the node's, or the job's
/// address and the auction's number.
///
/// These are stored. A field may be added with a default; none may change its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    Job(Box<JobRecord>),
    Task(Box<TaskRecord>),
    /// Of the lease and the task's number.
    MemberTask(Box<MemberTaskRecord>),
    Lease(Box<LeaseRecord>),
    Proof(Box<ProofRecord>),
    /// Of the job and its number within it.
    Auction(Box<Auction>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    pub job: Address,
    pub view: JobView,
    pub on_chain: bool,
    pub spec: SpecStatus,
    pub outcome: Option<Outcome>,
    pub failed_nodes: BTreeSet<Address>,
    pub image_failures: BTreeMap<Address, Cause>,
    pub last_failure: Option<Cause>,
    pub closed_by: Option<String>,
    /// When its account was first seen gone; a closed job's record of an earlier version does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<UnixSeconds>,
    /// Jobs that its address had before, and of which something is still kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
    #[serde(default, skip_serializing_if = "Restarts::is_empty")]
    pub restarts: Restarts,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Kept over a restart: whoever had notice may be gone before the job has the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Reservation>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    pub job: Address,
    /// Of the job's account: a record of an earlier job under the same id is not this one's.
    #[serde(default)]
    pub opened_slot: u64,
    pub number: u32,
    pub task: Task,
}

/// A task as a member of a round does it: each member does all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberTaskRecord {
    pub lease: Address,
    pub number: u32,
    pub task: Task,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRecord {
    pub lease: Address,
    pub view: LeaseView,
    pub stage: Stage,
    pub meter: Meter,
    pub voucher: Option<Voucher>,
    pub settlements: Vec<String>,
    pub silenced: bool,
    /// The round that it is a member of, by its number within the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// What its meter said, in milliseconds, when its present task was handed out.
    #[serde(default)]
    pub handed_out_at: u64,
    /// What its containers are made from, by the word of its worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Sha256>,
}

/// What a node has shown of its GPUs; of a node that is gone, nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRecord {
    pub node: Address,
    pub shown: Option<Shown>,
    pub refused: Option<Refused>,
    pub withdrawn: bool,
    /// The GPUs that it has shown since it was added, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<SeenGpu>,
}

impl ProofRecord {
    pub(crate) fn of(node: Address, proof: Option<&Proof>) -> Self {
        Self {
            node,
            shown: proof.and_then(|proof| proof.shown.clone()),
            refused: proof.and_then(|proof| proof.refused.clone()),
            withdrawn: proof.is_some_and(|proof| proof.withdrawn),
            history: proof.map_or_else(Vec::new, |proof| proof.history.clone()),
        }
    }

    /// Whether nothing is known of the node.
    pub(crate) fn is_empty(&self) -> bool {
        self.shown.is_none() && self.refused.is_none() && !self.withdrawn && self.history.is_empty()
    }
}

impl JobRecord {
    pub(crate) fn of(job: Address, entry: &JobEntry, reserved: Option<Reservation>) -> Self {
        Self {
            job,
            view: entry.view,
            on_chain: entry.on_chain,
            spec: entry.spec.clone(),
            outcome: entry.outcome.clone(),
            failed_nodes: entry.story().failed_nodes.clone(),
            image_failures: entry.story().image_failures.clone(),
            last_failure: entry.story().last_failure.clone(),
            closed_by: entry.story().closed_by.clone(),
            closed_at: entry.story().closed_at,
            earlier: entry.story().earlier.clone(),
            restarts: entry.story().restarts.clone(),
            findings: entry.story().findings.clone(),
            reserved,
        }
    }
}

impl LeaseRecord {
    pub(crate) fn of(entry: &LeaseEntry) -> Self {
        Self {
            lease: entry.address,
            view: entry.view,
            stage: entry.stage,
            meter: entry.meter,
            voucher: entry.voucher,
            settlements: entry.settlements.clone(),
            silenced: entry.silenced,
            round: entry.round,
            handed_out_at: entry.handed_out_at,
            image: entry.image,
        }
    }
}
