//! The GPUs that are plugged in, with a driver or without.

use std::fs;
use std::path::Path;

/// Where the kernel lists what is on its PCI buses.
pub(crate) const DEVICES: &str = "/sys/bus/pci/devices";

/// NVIDIA's number among the PCI vendors.
const NVIDIA: &str = "0x10de";
/// What begins the class of a display controller, with a screen (VGA) or without (3D).
const DISPLAY: &str = "0x03";

/// How many of NVIDIA's the kernel lists there; `None` where it lists nothing at all, as a machine without PCI.
pub(crate) fn plugged_in(devices: &Path) -> Option<usize> {
    let mut listed = fs::read_dir(devices).ok()?.flatten().peekable();
    listed.peek()?;
    let says = |device: &Path, file: &str, begin: &str| {
        fs::read_to_string(device.join(file)).is_ok_and(|told| told.starts_with(begin))
    };
    let is_gpu = |device: &Path| says(device, "vendor", NVIDIA) && says(device, "class", DISPLAY);
    Some(listed.filter(|device| is_gpu(&device.path())).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gpus_of_nvidia_count_and_a_machine_without_pci_says_nothing() {
        let bus = tempfile::tempdir().unwrap();
        assert_eq!(plugged_in(&bus.path().join("none")), None);
        assert_eq!(plugged_in(bus.path()), None);
        let plug = |address: &str, vendor: &str, class: &str| {
            let device = bus.path().join(address);
            fs::create_dir(&device).unwrap();
            fs::write(device.join("vendor"), vendor).unwrap();
            fs::write(device.join("class"), class).unwrap();
        };
        plug("0000:00:02.0", "0x8086\n", "0x030000\n");
        // The sound and the NVSwitch of a board.
        plug("0000:01:00.1", "0x10de\n", "0x040300\n");
        plug("0000:02:00.0", "0x10de\n", "0x068000\n");
        fs::create_dir(bus.path().join("0000:03:00.0")).unwrap();
        assert_eq!(plugged_in(bus.path()), Some(0));
        plug("0000:01:00.0", "0x10de\n", "0x030000\n");
        plug("0000:04:00.0", "0x10de\n", "0x030200\n");
        assert_eq!(plugged_in(bus.path()), Some(2));
    }
}
