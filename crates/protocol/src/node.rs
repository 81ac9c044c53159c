use crate::{Error, GpuUnits, PricePerGpuHour, gpu, region};

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

/// A rig on the market: hardware, posted price, and how much of it is leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Node {
    pub hardware: Hardware,
    pub price: PricePerGpuHour,
    pub leased: GpuUnits,
    pub status: NodeStatus,
}

impl Node {
    /// Units not leased.
    pub fn free(&self) -> GpuUnits {
        self.hardware.units().saturating_minus(self.leased)
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
    fn sells_its_gpus_and_no_more() {
        let mut node =
            Node { hardware: hardware(), price: PricePerGpuHour(1), leased: GpuUnits(0), status: NodeStatus::Active };
        node.take(GpuUnits(2)).unwrap();
        assert_eq!(node.take(GpuUnits(1)), Err(Error::NodeFull));
        node.give_back(GpuUnits(1)).unwrap();
        assert_eq!(node.give_back(GpuUnits(2)), Err(Error::InvariantBroken));
        node.status = NodeStatus::Draining;
        assert_eq!(node.take(GpuUnits(1)), Err(Error::NodeNotActive));
    }
}
