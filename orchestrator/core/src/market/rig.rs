use millrace_protocol::{Address, GpuUnits, PricePerGpuHour};

use super::images::ImageId;
use super::owners::OwnerId;
use super::shelve::Shelf;
use crate::state::node::{NodeEntry, Worker};

/// What leases and offers take of a node beside its GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Used {
    /// Thousandths of a CPU.
    pub cpu_milli: u64,
    pub memory_mib: u64,
    pub disk_mib: u64,
}

impl Used {
    pub(super) fn plus(&mut self, other: Self) {
        self.cpu_milli += other.cpu_milli;
        self.memory_mib += other.memory_mib;
        self.disk_mib += other.disk_mib;
    }

    pub(super) fn minus(&mut self, other: Self) {
        self.cpu_milli -= other.cpu_milli;
        self.memory_mib -= other.memory_mib;
        self.disk_mib -= other.disk_mib;
    }
}

/// A node, its worker, and what is taken of it. Either may be known before the other.
#[derive(Clone, Debug)]
pub(super) struct Rig {
    pub(super) address: Address,
    pub(super) entry: Option<NodeEntry>,
    pub(super) worker: Option<Worker>,
    /// Units of live leases, as far as they are known here.
    pub(super) leased: u32,
    /// Units of offers under way.
    pub(super) offered: u32,
    pub(super) used: Used,
    /// Of its images, sorted.
    pub(super) images: Box<[ImageId]>,
    /// Its provider, while its account is known.
    pub(super) owner: OwnerId,
    /// KiB per second to the object store, as measured.
    pub(super) link: Option<u32>,
    /// Where the index has it; none while it can take nothing.
    pub(super) shelf: Option<Shelf>,
    /// Milliseconds at which its next alarm rings; 0 where none is set.
    pub(super) alarm: u64,
}

impl Rig {
    pub(super) fn new(address: Address) -> Self {
        Self {
            address,
            entry: None,
            worker: None,
            leased: 0,
            offered: 0,
            used: Used::default(),
            images: Box::default(),
            owner: OwnerId::MAX,
            link: None,
            shelf: None,
            alarm: 0,
        }
    }

    /// Units that nobody has leased or is being offered. Node and leases are read one by one: whichever
    /// shows more of what is taken is right.
    pub(super) fn free(&self, entry: &NodeEntry) -> GpuUnits {
        let node = &entry.view.node;
        let taken = u32::from(node.leased.0).max(self.leased) + self.offered;
        node.hardware.units().saturating_minus(GpuUnits(u16::try_from(taken).unwrap_or(u16::MAX)))
    }

    pub(super) fn price(&self, spot: bool) -> Option<PricePerGpuHour> {
        self.entry.as_ref()?.view.node.posted_price(spot)
    }
}
