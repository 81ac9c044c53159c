use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::{Address, MicroUsdc, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::Decision;
use crate::state::check::Finding;
use crate::state::restarts::Restarts;
use crate::state::task::Cause;

/// What has happened to a job. Most that wait have none of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Story {
    /// Nodes that failed it: taken again only when no other fits.
    pub failed_nodes: BTreeSet<Address>,
    /// What the nodes that could not get the image said.
    pub image_failures: BTreeMap<Address, Cause>,
    /// The last failure of any task, for whoever asks why.
    pub last_failure: Option<Cause>,
    /// Base58 signature of the transaction that closed it.
    pub closed_by: Option<String>,
    /// When its account was first seen gone, by the chain's clock.
    pub closed_at: Option<UnixSeconds>,
    /// Jobs that its address had before, and of which something is still kept.
    pub earlier: Vec<Earlier>,
    /// Replicas that ended by themselves, and when they start again.
    pub restarts: Restarts,
    /// Spot checks that came to another result, the oldest first.
    pub findings: Vec<Finding>,
    /// Nodes not to be asked again before the given milliseconds.
    pub(crate) resting: BTreeMap<Address, u64>,
    /// Why its live leases are where they are, by the lease's number. Not kept on disk.
    pub(crate) decisions: BTreeMap<u32, Decision>,
    /// What extensions under way will reserve of the deposit.
    pub(crate) promised: MicroUsdc,
}

impl Story {
    pub(crate) const NONE: &'static Self = &Self {
        failed_nodes: BTreeSet::new(),
        image_failures: BTreeMap::new(),
        last_failure: None,
        closed_by: None,
        closed_at: None,
        earlier: Vec::new(),
        restarts: Restarts::NONE,
        findings: Vec::new(),
        resting: BTreeMap::new(),
        decisions: BTreeMap::new(),
        promised: MicroUsdc::ZERO,
    };
}

/// A job that a later one has taken the address of. Its leases and its logs are kept for as long as any job's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    pub opened_slot: u64,
    /// When its account was first seen gone, by the chain's clock.
    pub closed_at: UnixSeconds,
    /// When the next job at the address was opened: its leases are older.
    pub replaced_at: UnixSeconds,
}
