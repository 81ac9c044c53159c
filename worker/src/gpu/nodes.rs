//! The device nodes through which programs use GPUs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor};

use super::Gpu;

/// What a program that computes needs beside the GPUs' own (NVIDIA's hook gives the same for `compute` and `utility`).
const SHARED: [&str; 3] = ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools"];

/// Where the kernel's numbers lead to device nodes: systemd's name for one is its link there.
pub(crate) const LINKS: &str = "/dev/char";

/// Those of exactly these GPUs, each once. What a MIG slice needs beside its whole GPU's is not among them: NVML's
/// wrapper does not tell whose they are.
pub(crate) fn of<'a>(gpus: impl IntoIterator<Item = &'a Gpu>) -> Vec<PathBuf> {
    let numbers: BTreeSet<u32> = gpus.into_iter().filter_map(|gpu| gpu.minor).collect();
    let own = numbers.into_iter().map(|number| format!("nvidia{number}"));
    SHARED.map(str::to_owned).into_iter().chain(own).map(|name| Path::new("/dev").join(name)).collect()
}

/// Nodes that may be lost to containers when systemd writes their device rules anew.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct AtRisk {
    /// Not there yet, so that they are not named to the engine: the driver makes those of its memory manager for the
    /// first program that computes.
    pub missing: Vec<PathBuf>,
    /// There, and without the link by which systemd finds them.
    pub unlinked: Vec<PathBuf>,
}

impl AtRisk {
    /// Of these nodes, with their links in the folder.
    pub fn among(nodes: Vec<PathBuf>, links: &Path) -> Self {
        let mut at_risk = Self::default();
        for node in nodes {
            match fs::metadata(&node).map(|metadata| metadata.rdev()) {
                Err(_) => at_risk.missing.push(node),
                Ok(number) if links.join(format!("{}:{}", major(number), minor(number))).exists() => {}
                Ok(_) => at_risk.unlinked.push(node),
            }
        }
        at_risk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpus_node_has_the_drivers_number_and_slices_of_one_gpu_share_it() {
        let gpu = |minor| Gpu { minor, ..Gpu::default() };
        let names = |gpus: &[Gpu]| of(gpus).into_iter().map(|node| node.display().to_string()).collect::<Vec<_>>();
        let shared = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"];
        assert_eq!(names(&[gpu(Some(12)), gpu(Some(3)), gpu(Some(12))])[3..], ["/dev/nvidia3", "/dev/nvidia12"]);
        assert_eq!(names(&[gpu(None)]), shared);
    }

    #[test]
    fn a_node_is_told_until_it_is_there_and_has_its_link() {
        let links = tempfile::tempdir().unwrap();
        let look = || AtRisk::among(vec!["/dev/null".into(), "/dev/nowhere".into()], links.path());
        let unlinked = AtRisk { missing: vec!["/dev/nowhere".into()], unlinked: vec!["/dev/null".into()] };
        assert_eq!(look(), unlinked);
        // Linux's number of it, everywhere.
        let link = links.path().join("1:3");
        std::os::unix::fs::symlink("/dev/nowhere", &link).unwrap();
        assert_eq!(look(), unlinked, "a link that leads nowhere");
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        assert!(look().unlinked.is_empty());
    }
}
