use std::time::Duration;

use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{EventSet, Nvml};

use crate::gpu::Gpu;

/// What the driver says of its own accord.
pub(in crate::gpu) struct Events<'nvml>(EventSet<'nvml>);

/// One thing it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gpu) enum Said {
    Nothing,
    /// On the GPU with this UUID.
    Xid {
        uuid: String,
        number: u64,
    },
    /// Something is wrong, and only a look at every GPU tells what.
    Trouble,
}

impl<'nvml> Events<'nvml> {
    /// `None` where no GPU tells its events.
    pub fn subscribe(nvml: &'nvml Nvml, gpus: &[Gpu]) -> Option<Self> {
        let mut uuids: Vec<&str> = gpus.iter().map(Gpu::board).collect();
        uuids.dedup();
        // A GPU that refuses takes the set with it: each shows on a set of its own whether it would.
        uuids.retain(|uuid| nvml.create_event_set().ok().and_then(|trial| register(nvml, uuid, trial)).is_some());
        let all = uuids.iter().try_fold(nvml.create_event_set().ok()?, |set, uuid| register(nvml, uuid, set))?;
        (!uuids.is_empty()).then_some(Self(all))
    }

    /// Waits at most so long.
    pub fn wait(&self, longest: Duration) -> Said {
        let millis = u32::try_from(longest.as_millis()).unwrap_or(u32::MAX);
        match self.0.wait(millis) {
            Ok(event) => match (event.event_data, event.device.uuid()) {
                (Some(XidError::Value(number)), Ok(uuid)) => Said::Xid { uuid, number },
                // Of a GPU that cannot even say which one it is.
                (_, Err(_)) | (Some(XidError::Unknown), _) => Said::Trouble,
                (None, Ok(_)) => Said::Nothing,
            },
            Err(NvmlError::Timeout) => Said::Nothing,
            Err(_) => Said::Trouble,
        }
    }
}

fn register<'nvml>(nvml: &'nvml Nvml, uuid: &str, set: EventSet<'nvml>) -> Option<EventSet<'nvml>> {
    nvml.device_by_uuid(uuid).ok()?.register_events(EventTypes::CRITICAL_XID_ERROR, set).ok()
}
