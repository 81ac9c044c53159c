use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::TopologyLevel;
use nvml_wrapper::struct_wrappers::device::PciInfo;

use crate::gpu::{Link, Path};

/// More than any GPU has (NVML_NVLINK_MAX_LINKS).
const LINKS: u32 = 18;

/// How each pair of GPUs is connected; what a driver does not tell is left out.
pub(super) fn read(boards: &[(String, Device<'_>)]) -> Vec<Link> {
    let own: Vec<Option<Address>> = boards.iter().map(|(_, device)| device.pci_info().ok().map(address)).collect();
    let ends: Vec<Vec<Address>> = boards.iter().map(|(_, device)| far_ends(device)).collect();
    // A far end that is no GPU of the rig is a switch, and every link of a switch leads to every GPU on it.
    let to_switch = |of: usize| ends[of].iter().filter(|end| !own.contains(&Some(**end))).count();
    let mut links = Vec::new();
    for (left, (left_uuid, left_device)) in boards.iter().enumerate() {
        for (right, (right_uuid, right_device)) in boards.iter().enumerate().skip(left + 1) {
            let direct = ends[left].iter().filter(|end| Some(**end) == own[right]).count();
            let nvlinks = direct + to_switch(left).min(to_switch(right));
            let path = path(left_device, right_device);
            if nvlinks > 0 || path.is_some() {
                links.push(Link {
                    between: [left_uuid.clone(), right_uuid.clone()],
                    nvlinks: u8::try_from(nvlinks).unwrap_or(u8::MAX),
                    path,
                });
            }
        }
    }
    links
}

/// Domain, bus, device.
type Address = (u32, u32, u32);

fn address(info: PciInfo) -> Address {
    (info.domain, info.bus, info.device)
}

/// Where a GPU's NVLinks lead.
fn far_ends(device: &Device<'_>) -> Vec<Address> {
    let links = (0..LINKS).map(|number| device.link_wrapper_for(number));
    // A GPU that knows nothing of a link knows nothing of those behind it.
    let known = links.map_while(|link| link.is_active().ok().map(|active| (link, active)));
    known.filter(|(_, active)| *active).filter_map(|(link, _)| link.remote_pci_info().ok()).map(address).collect()
}

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
