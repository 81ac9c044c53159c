use std::collections::{BTreeMap, BTreeSet, VecDeque};

use millrace_protocol::{Address, PricePerGpuHour, Seconds};

use crate::demands::DemandId;
use crate::market::Candidate;
use crate::state::shortfall::Shortfall;

/// A node kept for a gang's member that has no lease yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub chosen: Candidate,
    pub provider: Address,
    pub price: PricePerGpuHour,
}

/// A gang on its way to be together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assembly {
    /// Members that are still to be offered a lease, the next one first.
    pub seats: VecDeque<Seat>,
    /// What none of them is on and scored next.
    pub runners_up: Vec<Candidate>,
    /// Of each member's lease.
    pub maximum: Seconds,
    /// Milliseconds after which it is given up, where no lease is there by then.
    pub until: u64,
}

/// What a gang is about.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct GangEntry {
    pub assembly: Option<Assembly>,
    /// Milliseconds before which no other set of nodes is tried.
    pub again_at: u64,
    /// How often in a row a set could not be brought together.
    pub failures: u32,
    /// Since when too few nodes are free, in milliseconds.
    pub waits_since: Option<u64>,
    /// Milliseconds from which nodes may be kept for it as they come free.
    pub hold_at: u64,
    pub hold: Option<Hold>,
}

/// Nodes kept for a gang that has waited for long, until they are enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    /// None for a gang that may be anywhere.
    pub region: Option<u8>,
    pub seats: Vec<Seat>,
    /// In milliseconds.
    pub since: u64,
    /// Milliseconds at which it is given up.
    pub until: u64,
}

/// Gangs that wait. What is kept of it over a restart is nothing: everybody waits anew.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Gangs {
    /// From when nodes may be kept for which one; some of them are over, or not to be thought of before later.
    pub waiting: BTreeSet<(u64, Address)>,
    /// How many nodes the gangs of a line were lacking when they were last looked at.
    pub lacking: BTreeMap<DemandId, Shortfall>,
    /// The one for which nodes are kept.
    pub holding: Option<Address>,
}
