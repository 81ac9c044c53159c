use millrace_protocol::{Address, Job, JobState, Lease, Node, UnixSeconds};
use millrace_spec::{Sha256, Version};
use serde::{Deserialize, Serialize};

/// A node's account, as far as the scheduler cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    pub provider: Address,
    /// The key its worker proves.
    pub key: Address,
    pub node: Node,
    /// In its provider's word.
    #[serde(default)]
    pub driver: Version,
    #[serde(default)]
    pub cuda: Version,
}

/// A job's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    pub buyer: Address,
    pub funder: Address,
    /// Opened it in the buyer's name, from the buyer's balance.
    #[serde(default)]
    pub delegate: Option<Address>,
    /// Whose vouchers are to count; none for whoever is the network's scheduler when a lease opens.
    pub attestor: Option<Address>,
    pub id: u64,
    /// Tells apart the jobs a buyer opens one after the other under the same id.
    pub opened_slot: u64,
    pub opened_at: UnixSeconds,
    /// SHA-256 of the canonical spec.
    pub spec_hash: Sha256,
    /// The round whose results are counted next, or now; of a job with a quorum.
    #[serde(default)]
    pub quorum_round: u32,
    /// Whether that round's account exists.
    #[serde(default)]
    pub quorum_open: bool,
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
    /// Whose vouchers count.
    pub attestor: Address,
    pub lease: Lease,
}

impl JobView {
    /// Whether this was read before `other`, of the same job. Openings, ends and settlements of leases,
    /// payments, extensions, rounds and the cancel only ever add up, so one of them being lower decides; a job
    /// that is over stays so.
    pub fn is_older_than(&self, other: &Self) -> bool {
        let over = |job: &Job| matches!(job.state, JobState::Done | JobState::Expired);
        let ended = |job: &Job| job.leases_opened.saturating_sub(u32::from(job.live_leases));
        let settled = |job: &Job| job.leases_opened.saturating_sub(job.unsettled_leases());
        let (self_round, other_round) = (self.round(), other.round());
        let (this, other) = (&self.job, &other.job);
        this.leases_opened < other.leases_opened
            || ended(this) < ended(other)
            || settled(this) < settled(other)
            || this.terms.deposit < other.terms.deposit
            || this.terms.lease_seconds < other.terms.lease_seconds
            || this.terms.start_window < other.terms.start_window
            || this.paid < other.paid
            || this.fees < other.fees
            || this.compensation < other.compensation
            || this.cancelled_at < other.cancelled_at
            || (!over(this) && over(other))
            || (self_round < other_round)
    }
}

impl JobView {
    /// A round is opened once and closed once, and the next one has a higher number.
    fn round(&self) -> (u32, bool) {
        (self.quorum_round, self.quorum_open)
    }
}

impl LeaseView {
    /// Whether this was read before `other`, of the same lease: neither its state nor its sequence ever
    /// goes back, and deadlines only ever move on.
    pub fn is_older_than(&self, other: &Self) -> bool {
        let (this, other) = (&self.lease, &other.lease);
        this.sequence < other.sequence
            || (this.state as u8) < (other.state as u8)
            || this.start_by < other.start_by
            || this.checkpoint_by < other.checkpoint_by
            || this.ends_by < other.ends_by
            || this.preempted_at < other.preempted_at
    }
}
