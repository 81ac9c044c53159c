//! What must be true before a worker offers its rig.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::Duration;

use millrace_protocol::{Address, Hardware, gpu};
use tokio::time::timeout;

use crate::container::Info;
use crate::doctor::{self, Grade};
use crate::gpu::{Gpu, Inventory};
use crate::{Error, disk};

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes sure that this machine has one worker for the node: a second one, with another data
/// folder, would take the first one's containers for its own and remove them. What comes back
/// must be kept as long as the worker works; the kernel lets go of it even after SIGKILL.
///
/// # Errors
/// [`Error::NodeInUse`].
pub(crate) fn only_one(node: Address) -> Result<UnixListener, Error> {
    let name = SocketAddr::from_abstract_name(format!("millrace-worker-{node}"));
    name.and_then(|name| UnixListener::bind_addr(&name)).map_err(|source| Error::NodeInUse { node, source })
}

/// # Errors
/// [`Error::DiskFull`], [`Error::DataDir`].
pub(crate) fn disk(path: &Path, reserve_mib: u64) -> Result<(), Error> {
    let free = disk::free_bytes(path).map_err(|source| Error::DataDir { path: path.to_owned(), source })?;
    let free_mib = free / 1_048_576;
    if free_mib < reserve_mib {
        return Err(Error::DiskFull { path: path.to_owned(), free_mib, reserve_mib });
    }
    Ok(())
}

/// Makes sure that nothing simulated passes for real, or the other way round.
///
/// # Errors
/// [`Error::HardwareMismatch`].
pub(crate) fn kind(registered: &Hardware, inventory: &Inventory) -> Result<(), Error> {
    let honest = registered.simulated == inventory.simulated || registered.gpu_count == 0;
    if honest { Ok(()) } else { Err(mismatch(registered, inventory)) }
}

/// Makes sure that all GPUs are there that the rig was registered with.
///
/// # Errors
/// [`Error::HardwareMismatch`].
pub(crate) fn hardware(registered: &Hardware, inventory: &Inventory) -> Result<(), Error> {
    let sold = inventory.gpus.iter().filter(|gpu| is_sold(gpu, registered)).count();
    if sold >= usize::from(registered.gpu_count) { Ok(()) } else { Err(mismatch(registered, inventory)) }
}

/// Makes sure that no place of a lease's is empty, though there are as many GPUs as registered.
///
/// # Errors
/// [`Error::HardwareMismatch`].
pub(crate) fn places(registered: &Hardware, sold: &Inventory) -> Result<(), Error> {
    if sold.gpus.iter().any(|gpu| gpu.is_gone) { Err(mismatch(registered, sold)) } else { Ok(()) }
}

/// The GPUs that the rig was registered with, and more of their kind where there are more. Any other is left out: what a
/// lease gets, what is watched and what is challenged are positions in this list. `known`: UUIDs by the positions that
/// held leases name.
pub(crate) fn sold(registered: &Hardware, mut inventory: Inventory, known: &[String]) -> Inventory {
    inventory.gpus.retain(|gpu| is_sold(gpu, registered));
    let model = gpu::slug(registered.gpu_class).unwrap_or("none").to_owned();
    inventory.keep_places(known, &Gpu { model, vram_mib: registered.vram_mib, ..Gpu::default() });
    inventory
}

fn is_sold(gpu: &Gpu, registered: &Hardware) -> bool {
    gpu::slug(registered.gpu_class) == Some(gpu.model.as_str()) && gpu.vram_mib >= registered.vram_mib
}

fn mismatch(registered: &Hardware, inventory: &Inventory) -> Error {
    let marker = if registered.simulated { " (simulated)" } else { "" };
    let model = gpu::slug(registered.gpu_class).unwrap_or("none");
    Error::HardwareMismatch {
        registered: format!("{} x {model} {} MiB{marker}", registered.gpu_count, registered.vram_mib),
        found: inventory.summary(),
    }
}

/// Checks what gives GPUs to containers, as `worker doctor` does.
///
/// # Errors
/// [`Error::ToolkitUnfit`].
pub(crate) async fn toolkit(program: &Path) -> Result<(), Error> {
    let Ok(finding) = timeout(PATIENCE, doctor::toolkit(program)).await else {
        let (found, fix) =
            ("it does not answer".to_owned(), format!("see what `{} --version` does", program.display()));
        return Err(Error::ToolkitUnfit { found, fix });
    };
    match finding.grade {
        Grade::Good | Grade::Less => Ok(()),
        Grade::Bad => Err(Error::ToolkitUnfit { found: finding.found, fix: finding.fix.unwrap_or_default() }),
    }
}

/// What the rig can promise: as registered, and for a real rig no more than its machine has. A
/// simulated one claims what it likes; its containers get what there is.
pub fn hardware_of(registered: Hardware, engine: &Info) -> Hardware {
    if registered.simulated {
        return registered;
    }
    Hardware {
        cpu_cores: registered.cpu_cores.min(engine.cpu_cores),
        memory_mib: registered.memory_mib.min(engine.memory_mib),
        ..registered
    }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Diagnostic;

    use super::*;
    use crate::gpu::simulated;

    fn registered(count: u16) -> Hardware {
        let class = if count > 0 { gpu::class("rtx-4090").unwrap() } else { 0 };
        Hardware {
            gpu_class: class,
            gpu_count: count,
            vram_mib: if count > 0 { 24_576 } else { 0 },
            cpu_cores: 64,
            memory_mib: 65_536,
            disk_mib: 1_000,
            region: 0,
            country: *b"DE",
            simulated: true,
        }
    }

    fn pretended(text: &str) -> Inventory {
        simulated::inventory(&[text.parse().unwrap()])
    }

    #[test]
    fn a_machine_has_one_worker_for_a_node() {
        let node = Address(std::process::id().to_be_bytes().repeat(8).try_into().unwrap());
        let first = only_one(node).unwrap();
        let second = only_one(node).unwrap_err();
        assert_eq!(second.code(), "node-in-use");
        assert!(only_one(Address([9; 32])).is_ok());
        drop(first);
        assert!(only_one(node).is_ok());
    }

    #[test]
    fn fewer_or_other_gpus_than_registered_are_refused() {
        assert!(hardware(&registered(1), &pretended("rtx-4090:24576")).is_ok());
        assert!(hardware(&registered(0), &Inventory::default()).is_ok());
        for (count, found) in [(2, "rtx-4090:24576"), (1, "rtx-3090:24576"), (1, "rtx-4090:16384")] {
            let error = hardware(&registered(count), &pretended(found)).unwrap_err();
            assert_eq!(error.code(), "hardware-mismatch");
        }
    }

    #[test]
    fn simulated_gpus_do_not_pass_for_real_ones() {
        let real = Hardware { simulated: false, ..registered(1) };
        assert_eq!(kind(&real, &pretended("rtx-4090:24576")).unwrap_err().code(), "hardware-mismatch");
        let inventory = Inventory { simulated: false, ..pretended("rtx-4090:24576") };
        assert!(kind(&registered(1), &inventory).is_err());
        assert!(kind(&real, &inventory).is_ok() && kind(&registered(0), &inventory).is_ok());
    }

    #[test]
    fn gpus_that_are_not_registered_take_no_place() {
        let mixed = ["t4:15360", "rtx-4090:24576", "rtx-4090:16384", "rtx-4090:24564", "rtx-4090:24576"];
        let mixed = simulated::inventory(&mixed.map(|text| text.parse().unwrap()));
        let two = sold(&registered(2), mixed.clone(), &[]);
        assert_eq!(two.summary(), "rtx-4090 24576 MiB, rtx-4090 24576 MiB (simulated)");
        assert_eq!(sold(&registered(0), mixed, &[]).gpus, [], "a node without GPUs sells none");
    }

    #[test]
    fn a_gpu_that_is_gone_keeps_its_place_and_what_it_was_registered_as() {
        let left = sold(&registered(2), pretended("rtx-4090:24600"), &["GPU-1".to_owned()]);
        assert_eq!(left.summary(), "rtx-4090 24576 MiB (gone), rtx-4090 24600 MiB (simulated)");
        assert!(places(&registered(1), &left).is_err() && places(&registered(1), &pretended("rtx-4090:24600")).is_ok());
        assert_eq!(left.gpus[0].uuid, "GPU-1");
    }

    #[test]
    fn a_real_rig_promises_no_more_than_its_machine_has() {
        let engine = Info {
            version: String::new(),
            cpu_cores: 4,
            memory_mib: 8_192,
            gvisor: false,
            user_namespace: None,
            image_folder: None,
        };
        let real = Hardware { simulated: false, ..registered(1) };
        assert_eq!((hardware_of(real, &engine).cpu_cores, hardware_of(real, &engine).memory_mib), (4, 8_192));
        assert_eq!(hardware_of(registered(1), &engine).cpu_cores, 64);
    }

    #[test]
    fn a_full_disk_is_said_before_anything_is_promised() {
        let folder = tempfile::tempdir().unwrap();
        assert!(disk(folder.path(), 0).is_ok());
        assert_eq!(disk(folder.path(), u64::MAX).unwrap_err().code(), "disk-full");
    }
}
