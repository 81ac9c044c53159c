use std::path::PathBuf;

use millrace_client::keys;
use millrace_protocol::Address;
use millrace_worker::doctor::{Examined, Finding};
use serde::Serialize;
use serde_json::Value;

use crate::args::PrepareRig;
use crate::commands::examine_rig::{Found, examine, is_fit};
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};

#[derive(Serialize)]
struct Prepared {
    findings: Vec<Finding>,
    node_key: Address,
    path: PathBuf,
    /// The rig's hardware as `node add` takes it.
    hardware: String,
    orchestrator: Option<String>,
}

impl Report for Prepared {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let found = Found { findings: self.findings.clone() }.human(style);
        let (good, path) = (style.good("rig is ready"), self.path.display());
        format!("{found}\n{good}\nnode key  {}\nfile      {path}  (the rig's own; it owns no stake)", self.node_key)
    }

    fn next(&self) -> Vec<String> {
        let path = self.path.display();
        let orchestrator = self.orchestrator.as_ref().map_or_else(String::new, |url| format!(" --orchestrator {url}"));
        vec![
            format!(
                "millrace node add --node-key {path} {} --region <REGION> --country <CODE> --price <USDC>  (signed with \
                 the provider's wallet)",
                self.hardware
            ),
            format!("millrace worker run --node-key {path}{orchestrator}  (here, from then on)"),
        ]
    }
}

/// Looks at the rig, and where nothing keeps a worker from working, writes its key.
///
/// # Errors
/// `rig-unfit`, before anything is written; a key file that is none, or cannot be written.
pub async fn run(context: &Context<'_>, args: PrepareRig) -> Result<(), Failure> {
    let (orchestrator, reserve) = (args.rig.orchestrator.clone(), args.rig.disk_reserve);
    let examined = examine(args.rig).await;
    if let Err(unfit) = is_fit(&examined) {
        context.output.report(&Found { findings: examined.findings });
        return Err(unfit);
    }
    let hardware = hardware(&examined, reserve);
    let node_key = address(&keys::load_or_create(&args.node_key)?);
    let findings = examined.findings;
    context.output.report(&Prepared { findings, node_key, path: args.node_key, hardware, orchestrator });
    Ok(())
}

/// Of GPUs of several kinds, the most frequent one's: a node has one kind. Of the disk what no job gets stays.
fn hardware(examined: &Examined, disk_reserve_mib: u32) -> String {
    let gpus = &examined.inventory.gpus;
    let same = |index: usize| gpus.iter().filter(|gpu| gpu.model == gpus[index].model).count();
    let most = (0..gpus.len()).max_by_key(|index| same(*index));
    let gpu = most.map_or_else(String::new, |index| {
        let alike = gpus.iter().filter(|gpu| gpu.model == gpus[index].model);
        let vram = alike.map(|gpu| gpu.vram_mib).min().unwrap_or(0);
        format!("--gpu {} --gpus {} --vram {vram}MiB ", gpus[index].model, same(index))
    });
    let (cores, memory) = examined.machine.as_ref().map_or((1, 0), |machine| (machine.cpu_cores, machine.memory_mib));
    let disk = examined.free_disk_mib.saturating_sub(disk_reserve_mib.into());
    // What a node does not tell of itself, no job that asks for a version gets.
    let software = examined
        .inventory
        .software
        .as_ref()
        .map_or_else(String::new, |software| format!(" --driver {} --cuda {}", software.driver, software.cuda));
    format!("{gpu}--cpus {cores} --memory {memory}MiB --disk {disk}MiB{software}")
}

#[cfg(test)]
mod tests {
    use millrace_worker::container::Info;
    use millrace_worker::gpu::{Gpu, Inventory, Software};

    use super::*;

    fn examined(gpus: &[(&str, u32)]) -> Examined {
        let gpu =
            |(model, vram_mib): &(&str, u32)| Gpu { model: (*model).to_owned(), vram_mib: *vram_mib, ..Gpu::default() };
        let inventory = Inventory { gpus: gpus.iter().map(gpu).collect(), ..Inventory::default() };
        let machine = Some(Info {
            version: String::new(),
            cpu_cores: 16,
            memory_mib: 64_000,
            gvisor: false,
            user_namespace: None,
            image_folder: None,
        });
        Examined { findings: vec![], inventory, machine, free_disk_mib: 900_000 }
    }

    #[test]
    fn a_rig_is_described_as_node_add_takes_it() {
        let host = "--cpus 16 --memory 64000MiB --disk 899488MiB";
        assert_eq!(hardware(&examined(&[]), 512), host);
        let mixed = examined(&[("t4", 15_360), ("l4", 23_034), ("l4", 23_028)]);
        assert_eq!(hardware(&mixed, 512), format!("--gpu l4 --gpus 2 --vram 23028MiB {host}"));
        let mut driven = mixed;
        driven.inventory.software = Some(Software { driver: "570.86.15".to_owned(), cuda: "12.8".to_owned() });
        let told = "--driver 570.86.15 --cuda 12.8";
        assert_eq!(hardware(&driven, 512), format!("--gpu l4 --gpus 2 --vram 23028MiB {host} {told}"));
    }
}
