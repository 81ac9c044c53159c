//! What must be true before a worker offers its rig.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;

use millrace_client::Client;
use millrace_client::accounts::NodeAccount;
use millrace_protocol::{Address, Hardware, gpu};

use crate::container::Info;
use crate::doctor::{self, Grade};
use crate::gpu::{Gpu, Inventory};
use crate::{Error, disk};

/// The node that was registered with this key.
///
/// # Errors
/// [`Error::NodeUnknown`], [`Error::Chain`].
pub(crate) async fn node(client: &Client, key: Address) -> Result<NodeAccount, Error> {
    let nodes: Vec<NodeAccount> = client.fetch_all().await?;
    nodes.into_iter().find(|node| node.node_key == key).ok_or(Error::NodeUnknown { key })
}

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

/// The GPUs that the rig was registered with, and more of their kind where there are more. Any other is left out: what a
/// lease gets, what is watched and what is challenged are positions in this list.
///
/// # Errors
/// [`Error::HardwareMismatch`].
pub(crate) fn hardware(registered: &Hardware, inventory: Inventory) -> Result<Inventory, Error> {
    let model = gpu::slug(registered.gpu_class).unwrap_or("none");
    let is_sold = |gpu: &Gpu| gpu.model == model && gpu.vram_mib >= registered.vram_mib;
    let enough = inventory.gpus.iter().filter(|gpu| is_sold(gpu)).count() >= usize::from(registered.gpu_count);
    let honest = registered.simulated == inventory.simulated || registered.gpu_count == 0;
    if enough && honest {
        let gpus = inventory.gpus.into_iter().filter(is_sold).collect();
        return Ok(Inventory { gpus, ..inventory });
    }
    let marker = if registered.simulated { " (simulated)" } else { "" };
    Err(Error::HardwareMismatch {
        registered: format!("{} x {model} {} MiB{marker}", registered.gpu_count, registered.vram_mib),
        found: inventory.summary(),
    })
}

/// Checks what gives GPUs to containers, as `worker doctor` does.
///
/// # Errors
/// [`Error::ToolkitUnfit`].
pub(crate) async fn toolkit(program: &Path) -> Result<(), Error> {
    let finding = doctor::toolkit(program).await;
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
        assert!(hardware(&registered(1), pretended("rtx-4090:24576")).is_ok());
        assert!(hardware(&registered(0), Inventory::default()).is_ok());
        for (count, found) in [(2, "rtx-4090:24576"), (1, "rtx-3090:24576"), (1, "rtx-4090:16384")] {
            let error = hardware(&registered(count), pretended(found)).unwrap_err();
            assert_eq!(error.code(), "hardware-mismatch");
        }
    }

    #[test]
    fn simulated_gpus_do_not_pass_for_real_ones() {
        let real = Hardware { simulated: false, ..registered(1) };
        assert!(hardware(&real, pretended("rtx-4090:24576")).is_err());
        let inventory = Inventory { simulated: false, ..pretended("rtx-4090:24576") };
        assert!(hardware(&registered(1), inventory).is_err());
    }

    #[test]
    fn gpus_that_are_not_registered_take_no_place() {
        let mixed = ["t4:15360", "rtx-4090:24576", "rtx-4090:16384", "rtx-4090:24564", "rtx-4090:24576"];
        let mixed = simulated::inventory(&mixed.map(|text| text.parse().unwrap()));
        let sold = hardware(&registered(2), mixed.clone()).unwrap();
        assert_eq!(sold.summary(), "rtx-4090 24576 MiB, rtx-4090 24576 MiB (simulated)");
        assert_eq!(hardware(&registered(0), mixed).unwrap().gpus, [], "a node without GPUs sells none");
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
