use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::TopologyLevel;
use nvml_wrapper::enum_wrappers::nv_link::IntDeviceType;

use crate::gpu::{Link, Path};

/// More than any GPU has (NVML_NVLINK_MAX_LINKS).
const LINKS: u32 = 18;

/// How each pair of GPUs is connected; what a driver does not tell is left out.
pub(super) fn read(boards: &[(String, Device<'_>)]) -> Vec<Link> {
    let ends: Vec<Ends> = boards.iter().map(|(_, device)| Ends::of(device)).collect();
    let mut links = Vec::new();
    for (left, (left_uuid, left_device)) in boards.iter().enumerate() {
        for (right, (right_uuid, right_device)) in boards.iter().enumerate().skip(left + 1) {
            let direct = ends[left].peers.iter().filter(|peer| Some(*peer) == ends[right].own.as_ref()).count();
            // Every link of a switch leads to every GPU on it.
            let switched = ends[left].switched.min(ends[right].switched);
            let path = path(left_device, right_device);
            if direct + switched > 0 || path.is_some() {
                links.push(Link {
                    between: [left_uuid.clone(), right_uuid.clone()],
                    nvlinks: u8::try_from(direct + switched).unwrap_or(u8::MAX),
                    path,
                });
            }
        }
    }
    links
}

/// Domain, bus, device.
type Address = (u32, u32, u32);

/// Where a GPU's NVLinks lead.
#[derive(Default)]
struct Ends {
    own: Option<Address>,
    peers: Vec<Address>,
    switched: usize,
}

impl Ends {
    fn of(device: &Device<'_>) -> Self {
        let address = |info: nvml_wrapper::struct_wrappers::device::PciInfo| (info.domain, info.bus, info.device);
        let mut ends = Self { own: device.pci_info().ok().map(address), ..Self::default() };
        for number in 0..LINKS {
            let link = device.link_wrapper_for(number);
            match link.is_active() {
                Ok(true) if matches!(link.remote_device_type(number), Ok(IntDeviceType::Switch)) => ends.switched += 1,
                Ok(true) => ends.peers.extend(link.remote_pci_info().ok().map(address)),
                Ok(false) => {}
                Err(_) => break,
            }
        }
        ends
    }
}

#[cfg(target_os = "linux")]
fn path(left: &Device<'_>, right: &Device<'_>) -> Option<Path> {
    // The wrapper wants the other device for itself: a handle of its own is cheap.
    let right = right.nvml().device_by_pci_bus_id(right.pci_info().ok()?.bus_id).ok()?;
    Some(match left.topology_common_ancestor(right).ok()? {
        TopologyLevel::Internal => Path::Board,
        TopologyLevel::Single => Path::Switch,
        TopologyLevel::Multiple => Path::Switches,
        TopologyLevel::HostBridge => Path::HostBridge,
        TopologyLevel::Node => Path::Numa,
        TopologyLevel::System => Path::System,
    })
}
