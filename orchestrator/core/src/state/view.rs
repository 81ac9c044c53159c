use millrace_protocol::{Address, Job, Lease, Node, UnixSeconds};
use millrace_spec::Sha256;
use serde::{Deserialize, Serialize};

/// A node's account, as far as the scheduler cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    pub provider: Address,
    /// The key its worker proves.
    pub key: Address,
    pub node: Node,
}

/// A job's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    pub buyer: Address,
    pub funder: Address,
    pub id: u64,
    /// Tells apart the jobs a buyer opens one after the other under the same id.
    pub opened_slot: u64,
    pub opened_at: UnixSeconds,
    /// SHA-256 of the canonical spec.
    pub spec_hash: Sha256,
    pub job: Job,
}

/// A lease's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseView {
    pub job: Address,
    pub node: Address,
    pub provider: Address,
    /// The lease's number within its job.
    pub number: u32,
    pub lease: Lease,
}
