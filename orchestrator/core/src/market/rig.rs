use millrace_protocol::{Address, GpuUnits, NodeStatus, PricePerGpuHour};

use super::images::ImageId;
use super::owners::OwnerId;
use super::shelve::Shelf;
use crate::state::node::{NodeEntry, Worker};

/// What a node has beside its GPUs: as much as leases and offers take of it, or as is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Resources {
    /// Thousandths of a CPU.
    pub cpu_milli: u64,
    pub memory_mib: u64,
    pub disk_mib: u64,
}

impl Resources {
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
    /// As its owner said last.
    pub(super) draining: bool,
    /// Whether its engine can run containers under gVisor.
    pub(super) gvisor: bool,
    /// Units of live leases, as far as they are known here.
    pub(super) leased: u32,
    /// Units of offers under way.
    pub(super) offered: u32,
    pub(super) used: Resources,
    /// Whether it is among those that have improved.
    pub(super) improved: bool,
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
            draining: false,
            gvisor: false,
            leased: 0,
            offered: 0,
            used: Resources::default(),
            improved: false,
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

    /// What leases and offers leave; nothing of what is booked over.
    pub(super) fn spare(&self, entry: &NodeEntry) -> Resources {
        let hardware = &entry.view.node.hardware;
        Resources {
            cpu_milli: (u64::from(hardware.cpu_cores) * 1_000).saturating_sub(self.used.cpu_milli),
            memory_mib: u64::from(hardware.memory_mib).saturating_sub(self.used.memory_mib),
            disk_mib: u64::from(hardware.disk_mib).saturating_sub(self.used.disk_mib),
        }
    }

    /// Whether it takes no further lease: its account or its owner says so.
    pub(super) fn drains(&self) -> bool {
        self.draining || self.entry.as_ref().is_some_and(|entry| entry.view.node.status != NodeStatus::Active)
    }

    /// Whether it has the image. Most that have not are known by what the index sums up, which lies nearer.
    pub(super) fn has(&self, image: ImageId) -> bool {
        let may_have = self.shelf.is_none_or(|shelf| shelf.may_have(image));
        may_have && self.images.binary_search(&image).is_ok()
    }

    pub(super) fn price(&self, spot: bool) -> Option<PricePerGpuHour> {
        self.entry.as_ref()?.view.node.posted_price(spot)
    }
}
