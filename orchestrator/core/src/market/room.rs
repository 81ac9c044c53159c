use millrace_protocol::PricePerGpuHour;
use millrace_protocol::gpu::GpuClass;

use super::Demand;
use super::reach::{Needs, Reach};

/// What a line of jobs asks of a node, as far as that is quickly compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errand {
    gpu_classes: u64,
    spot: bool,
    needs: Needs,
}

impl Errand {
    pub(crate) fn of(demand: &Demand) -> Self {
        let needs = Needs::of(demand, PricePerGpuHour::MAX);
        Self { gpu_classes: demand.gpu_classes, spot: demand.spot, needs }
    }

    pub(crate) fn is_spot(&self) -> bool {
        self.spot
    }

    /// The GPU classes it accepts; none alone for any.
    pub(crate) fn classes(&self) -> impl Iterator<Item = Option<GpuClass>> + use<> {
        let mask = self.gpu_classes;
        let named = (0..64).filter(move |class| mask >> class & 1 == 1).map(Some);
        std::iter::once(None).filter(move |_| mask == 0).chain(named)
    }
}

/// What a rig has to offer now, for leases at the posted price and for spot leases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) class: GpuClass,
    /// The bit of its region.
    pub(crate) regions: u32,
    pub(super) reach: [Option<Reach>; 2],
}

impl Room {
    /// Whether the errand accepts the rig's GPU class.
    pub(crate) fn accepts(&self, errand: &Errand) -> bool {
        errand.gpu_classes == 0 || errand.gpu_classes.checked_shr(self.class.into()).is_some_and(|rest| rest & 1 == 1)
    }

    /// Whether a search for an errand that accepts the class would come upon the rig.
    pub(crate) fn meets(&self, errand: &Errand) -> bool {
        self.reach[usize::from(errand.spot)].is_some_and(|reach| reach.meets(&errand.needs))
    }
}
