use millrace_protocol::{Address, PricePerGpuHour};
use millrace_spec::Version;

use super::images::{self, ImageId};
use super::rig::Rig;
use super::{Demand, NodeEntry};

/// The most that one node, or any node of a branch, has to offer. What does not meet a demand here has
/// no node that does; what meets it may still have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    price: PricePerGpuHour,
    countries: u64,
    images: u64,
    regions: u32,
    vram_mib: u32,
    cpu_milli: u32,
    memory_mib: u32,
    disk_mib: u32,
    driver: u32,
    free: u16,
    /// As far as it fits: a wider one would make each entry of a block larger.
    cuda: u16,
    service_level: u8,
    hardware: u8,
    real: bool,
}

/// A demand in the same terms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    price: PricePerGpuHour,
    countries: u64,
    /// All of these bits; none where any image will do.
    images: u64,
    regions: u32,
    vram_mib: u32,
    cpu_milli: u32,
    memory_mib: u32,
    disk_mib: u32,
    driver: u32,
    free: u16,
    cuda: u16,
    service_level: u8,
    hardware: u8,
    accept_simulated: bool,
}

impl Reach {
    /// Whether one of its rigs may have the image; images share bits.
    pub(super) fn may_have(self, image: ImageId) -> bool {
        self.images & images::bit(image) != 0
    }

    pub(super) fn of(rig: &Rig, entry: &NodeEntry, price: PricePerGpuHour) -> Self {
        let (node, hardware) = (&entry.view.node, &entry.view.node.hardware);
        let (spare, narrow) = (rig.spare(entry), |amount: u64| u32::try_from(amount).unwrap_or(u32::MAX));
        Self {
            price,
            countries: country_bit(hardware.country),
            images: rig.images.iter().fold(0, |bits, image| bits | images::bit(*image)),
            regions: millrace_protocol::region::bit(hardware.region).unwrap_or(0),
            vram_mib: hardware.vram_mib,
            cpu_milli: narrow(spare.cpu_milli),
            memory_mib: narrow(spare.memory_mib),
            disk_mib: narrow(spare.disk_mib),
            driver: entry.view.driver.0,
            cuda: narrow_version(entry.view.cuda),
            free: rig.free(entry).0,
            service_level: node.service_level as u8,
            hardware: node.attestation.class as u8,
            real: !hardware.simulated,
        }
    }

    pub(super) fn free(self) -> u16 {
        self.free
    }

    pub(super) fn regions(self) -> u32 {
        self.regions
    }

    pub(super) fn at(self, price: PricePerGpuHour) -> Self {
        Self { price, ..self }
    }

    /// What either of the two has.
    pub(super) fn either(self, other: Self) -> Self {
        Self {
            price: self.price.min(other.price),
            countries: self.countries | other.countries,
            images: self.images | other.images,
            regions: self.regions | other.regions,
            vram_mib: self.vram_mib.max(other.vram_mib),
            cpu_milli: self.cpu_milli.max(other.cpu_milli),
            memory_mib: self.memory_mib.max(other.memory_mib),
            disk_mib: self.disk_mib.max(other.disk_mib),
            driver: self.driver.max(other.driver),
            cuda: self.cuda.max(other.cuda),
            free: self.free.max(other.free),
            service_level: self.service_level.max(other.service_level),
            hardware: self.hardware.max(other.hardware),
            real: self.real | other.real,
        }
    }

    pub(super) fn meets(&self, needs: &Needs) -> bool {
        self.free >= needs.free
            && self.price <= needs.price
            && (needs.regions == 0 || self.regions & needs.regions != 0)
            && (needs.countries == 0 || self.countries & needs.countries != 0)
            && self.images & needs.images == needs.images
            && self.vram_mib >= needs.vram_mib
            && self.cpu_milli >= needs.cpu_milli
            && self.memory_mib >= needs.memory_mib
            && self.disk_mib >= needs.disk_mib
            && self.driver >= needs.driver
            && self.cuda >= needs.cuda
            && self.service_level >= needs.service_level
            && self.hardware >= needs.hardware
            && (self.real || needs.accept_simulated)
    }
}

impl Needs {
    /// Of a demand that can pay at most `price`.
    pub(super) fn of(demand: &Demand, price: PricePerGpuHour) -> Self {
        Self {
            price: demand.maximum_price.min(price),
            countries: demand.countries.iter().fold(0, |bits, country| bits | country_bit(*country)),
            images: 0,
            regions: demand.regions,
            vram_mib: demand.vram_mib,
            cpu_milli: demand.cpu_milli,
            memory_mib: demand.memory_mib,
            disk_mib: demand.disk_mib,
            driver: demand.minimum_driver.0,
            cuda: narrow_version(demand.minimum_cuda),
            free: demand.units.0,
            service_level: demand.service_level as u8,
            hardware: demand.hardware.map_or(0, |class| class as u8),
            accept_simulated: demand.accept_simulated,
        }
    }

    /// The same, of nodes with the image.
    pub(super) fn with(self, image: ImageId) -> Self {
        Self { images: images::bit(image), ..self }
    }
}

fn narrow_version(version: Version) -> u16 {
    u16::try_from(version.0).unwrap_or(u16::MAX)
}

/// One of 64 bits; several countries share one.
fn country_bit(country: [u8; 2]) -> u64 {
    1 << ((u32::from(country[0]) * 26 + u32::from(country[1])) % 64)
}

/// The order of nodes in a pool.
pub(super) type Rank = (u64, Address);
