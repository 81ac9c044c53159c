use std::collections::VecDeque;

use millrace_protocol::{Address, PricePerGpuHour, Seconds};

use crate::market::Candidate;

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
    /// Of each member's lease.
    pub maximum: Seconds,
    /// Milliseconds after which it is given up.
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
}
