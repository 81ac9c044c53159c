//! Looks at everything a rig needs before it promises anything, and names for each thing that is not right
//! the command that mends it. What is found is judged by pure functions; only the looking is I/O.

mod chain;
mod clock;
mod data_folder;
mod engine;
mod gpus;
mod network;
mod orchestrator;
mod release;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::container::docker::{Docker, PullPolicy};
use crate::container::{Engine, Info};
use crate::gpu::bus;
use crate::gpu::nodes::{self, AtRisk};
use crate::gpu::{Inventory, nvml};

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    Good,
    /// The rig works, with less than it could.
    Less,
    /// The worker does not start, or must not.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub subject: &'static str,
    pub grade: Grade,
    /// What is there.
    pub found: String,
    /// What mends it: a command in backquotes, mostly.
    pub fix: Option<String>,
}

impl Finding {
    fn good(subject: &'static str, found: impl Into<String>) -> Self {
        Self { subject, grade: Grade::Good, found: found.into(), fix: None }
    }

    fn less(subject: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { subject, grade: Grade::Less, found: found.into(), fix: Some(fix.into()) }
    }

    fn bad(subject: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { subject, grade: Grade::Bad, found: found.into(), fix: Some(fix.into()) }
    }
}

/// The program by which NVIDIA's container toolkit is known.
pub(crate) const TOOLKIT: &str = "nvidia-ctk";

/// What gives GPUs to containers, and whether a program can get out of one through it.
pub(crate) async fn toolkit(program: &Path) -> Finding {
    gpus::judge_toolkit(gpus::toolkit(program).await.as_deref())
}

/// What a rig is like.
#[derive(Clone, Debug)]
pub struct Examined {
    pub findings: Vec<Finding>,
    pub inventory: Inventory,
    /// `None` where the engine does not answer.
    pub machine: Option<Info>,
    /// For the data folder.
    pub free_disk_mib: u64,
}

impl Examined {
    /// How many things must be mended before a worker runs.
    pub fn bad(&self) -> usize {
        self.findings.iter().filter(|finding| finding.grade == Grade::Bad).count()
    }
}

/// Which rig to look at.
#[derive(Clone, Debug)]
pub struct Examination {
    /// As in [`crate::Options`].
    pub docker_host: Option<String>,
    pub data_dir: PathBuf,
    pub disk_reserve_mib: u64,
    pub nvml_library: PathBuf,
    /// The orchestrator's worker endpoint; `None`: it is not looked for.
    pub orchestrator_url: Option<String>,
    /// A Solana JSON-RPC endpoint; `None`: it is not looked for.
    pub rpc_url: Option<String>,
}

impl Examination {
    /// With the driver's usual library, and neither orchestrator nor chain.
    pub fn new(data_dir: impl Into<PathBuf>, disk_reserve_mib: u64) -> Self {
        let (data_dir, nvml_library) = (data_dir.into(), nvml::LIBRARY.into());
        Self { docker_host: None, data_dir, disk_reserve_mib, nvml_library, orchestrator_url: None, rpc_url: None }
    }

    /// Looks at everything. Nothing is changed, but for the fence around jobs with a network, which is put up.
    pub async fn run(&self) -> Examined {
        let (mut findings, mut machine, mut rules_by_systemd) = (Vec::new(), None, false);
        match Docker::connect(self.docker_host.as_deref(), PullPolicy::Never).await {
            Ok(docker) => {
                let facts = docker.facts().await;
                rules_by_systemd = facts.as_ref().is_ok_and(|facts| facts.rules_by_systemd);
                findings.extend(engine::judge(&facts));
                findings.push(network::judge(docker.fence().await));
                machine = docker.info().await.ok();
            }
            Err(error) => findings.extend(engine::judge(&Err(error))),
        }
        let inventory = nvml::ask(self.nvml_library.clone()).await;
        let plugged_in = bus::plugged_in(Path::new(bus::DEVICES));
        let toolkit = gpus::toolkit(Path::new(TOOLKIT)).await;
        findings.extend(gpus::judge(&inventory, plugged_in, toolkit.as_deref()));
        if rules_by_systemd && !inventory.gpus.is_empty() {
            let at_risk = AtRisk::among(nodes::of(&inventory.gpus), Path::new(nodes::LINKS));
            findings.push(gpus::judge_nodes(&inventory, &at_risk));
        }
        let free = data_folder::free(&self.data_dir);
        let free_disk_mib = free.as_ref().map_or(0, |bytes| bytes / 1_048_576);
        let foreign = data_folder::foreign(&self.data_dir);
        findings.push(foreign.unwrap_or_else(|| data_folder::judge(&self.data_dir, free, self.disk_reserve_mib)));
        let ahead = match &self.orchestrator_url {
            Some(url) => clock::ahead(url).await,
            None => None,
        };
        findings.push(clock::judge(clock::kept_right().await, ahead));
        if let Some(url) = &self.orchestrator_url {
            findings.push(orchestrator::look(url).await);
        }
        if let Some(url) = &self.rpc_url {
            findings.push(chain::look(url).await);
        }
        Examined { findings, inventory, machine, free_disk_mib }
    }
}
