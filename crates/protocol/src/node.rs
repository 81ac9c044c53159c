use crate::{Error, GpuUnits, HardwareClass, PricePerGpuHour, ServiceLevel, UnixSeconds, gpu, region};

/// What a rig has. Registered by its owner; simulated hardware says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Hardware {
    /// Index into [`gpu::CLASSES`]; 0 without a GPU.
    pub gpu_class: gpu::GpuClass,
    /// Number of GPUs, 0 without any.
    pub gpu_count: u16,
    /// Memory of one GPU in MiB.
    pub vram_mib: u32,
    pub cpu_cores: u16,
    pub memory_mib: u32,
    pub disk_mib: u32,
    /// Index into [`region::REGIONS`].
    pub region: region::Region,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: [u8; 2],
    /// The GPUs do not exist: for demonstrations and tests only.
    pub simulated: bool,
}

impl Hardware {
    /// How many units the rig sells: its GPUs, or one without any.
    pub fn units(&self) -> GpuUnits {
        GpuUnits(self.gpu_count.max(1))
    }

    /// # Errors
    /// [`Error::HardwareInvalid`] for a class or region that does not exist, GPUs without a class
    /// or VRAM, a class without GPUs, no CPU or memory, or a country that is not two capital letters.
    pub fn check(&self) -> Result<(), Error> {
        let has_gpu = self.gpu_count > 0;
        let known = gpu::bit(self.gpu_class).is_some() && region::bit(self.region).is_some();
        let consistent = has_gpu == (self.gpu_class != 0) && has_gpu == (self.vram_mib > 0);
        let host = self.cpu_cores > 0 && self.memory_mib > 0;
        let country = self.country.iter().all(u8::is_ascii_uppercase);
        if known && consistent && host && country { Ok(()) } else { Err(Error::HardwareInvalid) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum NodeStatus {
    #[default]
    Active = 0,
    Draining = 1,
}

impl TryFrom<u8> for NodeStatus {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::Active),
            1 => Ok(Self::Draining),
            _ => Err(Error::InvariantBroken),
        }
    }
}

/// What the network has seen of the hardware itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HardwareAttestation {
    pub class: HardwareClass,
    pub expires_at: UnixSeconds,
}

impl HardwareAttestation {
    /// Whether the attestation still shows at least `class`; it counts until the second before it expires.
    pub fn shows(&self, class: HardwareClass, now: UnixSeconds) -> bool {
        self.class >= class && now < self.expires_at
    }

    /// What the network may write down. The class [`HardwareClass::Claimed`] shows nothing: it takes an
    /// earlier attestation back, and needs no time.
    ///
    /// # Errors
    /// [`Error::DeadlinePassed`] for one that has expired already.
    pub fn check(&self, now: UnixSeconds) -> Result<(), Error> {
        let counts = self.class == HardwareClass::Claimed || now < self.expires_at;
        if counts { Ok(()) } else { Err(Error::DeadlinePassed) }
    }
}

/// A rig on the market: hardware, posted prices, and how much of it is leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Node {
    pub hardware: Hardware,
    /// For leases that only end by their own terms.
    pub price: PricePerGpuHour,
    /// For leases that may be preempted; zero where the node takes none.
    pub spot_price: PricePerGpuHour,
    /// The highest level the node answers for with its bond.
    pub service_level: ServiceLevel,
    pub attestation: HardwareAttestation,
    pub leased: GpuUnits,
    pub status: NodeStatus,
}

impl Node {
    /// Units not leased.
    pub fn free(&self) -> GpuUnits {
        self.hardware.units().saturating_minus(self.leased)
    }

    /// The posted price of a kind of lease; `None` where the node does not take that kind.
    pub fn posted_price(&self, spot: bool) -> Option<PricePerGpuHour> {
        match spot {
            false => Some(self.price),
            true => Some(self.spot_price).filter(|price| *price > PricePerGpuHour::ZERO),
        }
    }

    /// # Errors
    /// [`Error::NodeNotActive`], [`Error::NodeFull`].
    pub fn take(&mut self, units: GpuUnits) -> Result<(), Error> {
        if self.status != NodeStatus::Active {
            return Err(Error::NodeNotActive);
        }
        if self.free() < units {
            return Err(Error::NodeFull);
        }
        self.leased = self.leased.plus(units)?;
        Ok(())
    }

    /// # Errors
    /// [`Error::InvariantBroken`] when fewer units were leased.
    pub fn give_back(&mut self, units: GpuUnits) -> Result<(), Error> {
        self.leased = self.leased.minus(units).map_err(|_| Error::InvariantBroken)?;
        Ok(())
    }

    /// # Errors
    /// [`Error::InvariantBroken`] when more is leased than there is.
    pub fn invariant(&self) -> Result<(), Error> {
        self.hardware.check().map_err(|_| Error::InvariantBroken)?;
        if self.leased <= self.hardware.units() { Ok(()) } else { Err(Error::InvariantBroken) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardware() -> Hardware {
        Hardware {
            gpu_class: 8,
            gpu_count: 2,
            vram_mib: 24_576,
            cpu_cores: 16,
            memory_mib: 65_536,
            disk_mib: 512_000,
            region: 4,
            country: *b"DE",
            simulated: false,
        }
    }

    fn node() -> Node {
        Node {
            hardware: hardware(),
            price: PricePerGpuHour(10),
            spot_price: PricePerGpuHour(4),
            service_level: ServiceLevel::Silver,
            attestation: HardwareAttestation::default(),
            leased: GpuUnits(0),
            status: NodeStatus::Active,
        }
    }

    #[test]
    fn a_node_without_a_spot_price_takes_no_spot_leases() {
        assert_eq!(node().posted_price(false), Some(PricePerGpuHour(10)));
        assert_eq!(node().posted_price(true), Some(PricePerGpuHour(4)));
        assert_eq!(Node { spot_price: PricePerGpuHour(0), ..node() }.posted_price(true), None);
    }

    #[test]
    fn an_attestation_counts_until_the_second_before_it_expires() {
        let attestation = HardwareAttestation { class: HardwareClass::Challenged, expires_at: UnixSeconds(10) };
        assert!(attestation.shows(HardwareClass::Challenged, UnixSeconds(9)));
        assert!(!attestation.shows(HardwareClass::Challenged, UnixSeconds(10)));
        assert!(!attestation.shows(HardwareClass::Enclave, UnixSeconds(9)));
    }

    #[test]
    fn an_attestation_that_has_expired_is_not_written_down_but_one_can_be_taken_back() {
        let until = |class, expires_at| HardwareAttestation { class, expires_at: UnixSeconds(expires_at) };
        let now = UnixSeconds(10);
        assert_eq!(until(HardwareClass::Challenged, 10).check(now), Err(Error::DeadlinePassed));
        assert_eq!(until(HardwareClass::Challenged, 11).check(now), Ok(()));
        assert_eq!(until(HardwareClass::Claimed, 0).check(now), Ok(()));
    }

    #[test]
    fn impossible_hardware_is_refused() {
        let good = hardware();
        assert_eq!(good.check(), Ok(()));
        assert_eq!(Hardware { gpu_class: 0, gpu_count: 0, vram_mib: 0, ..good }.check(), Ok(()));
        for bad in [
            Hardware { gpu_class: 200, ..good },
            Hardware { region: 200, ..good },
            Hardware { gpu_class: 0, ..good },
            Hardware { gpu_count: 0, ..good },
            Hardware { vram_mib: 0, ..good },
            Hardware { cpu_cores: 0, ..good },
            Hardware { memory_mib: 0, ..good },
            Hardware { country: *b"de", ..good },
        ] {
            assert_eq!(bad.check(), Err(Error::HardwareInvalid), "{bad:?}");
        }
    }

    #[test]
    fn a_node_that_contradicts_itself_is_refused() {
        assert_eq!(node().invariant(), Ok(()));
        assert_eq!(Node { leased: GpuUnits(2), ..node() }.invariant(), Ok(()));
        assert_eq!(Node { leased: GpuUnits(3), ..node() }.invariant(), Err(Error::InvariantBroken));
        let hardware = Hardware { cpu_cores: 0, ..hardware() };
        assert_eq!(Node { hardware, ..node() }.invariant(), Err(Error::InvariantBroken));
    }

    #[test]
    fn statuses_read_back_from_their_numbers() {
        assert_eq!(NodeStatus::try_from(0), Ok(NodeStatus::Active));
        assert_eq!(NodeStatus::try_from(1), Ok(NodeStatus::Draining));
        assert_eq!(NodeStatus::try_from(2), Err(Error::InvariantBroken));
    }

    #[test]
    fn sells_its_gpus_and_no_more() {
        let mut node = node();
        node.take(GpuUnits(2)).unwrap();
        assert_eq!(node.take(GpuUnits(1)), Err(Error::NodeFull));
        node.give_back(GpuUnits(1)).unwrap();
        assert_eq!(node.give_back(GpuUnits(2)), Err(Error::InvariantBroken));
        node.status = NodeStatus::Draining;
        assert_eq!(node.take(GpuUnits(1)), Err(Error::NodeNotActive));
    }
}
