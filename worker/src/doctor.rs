//! Looks at everything a rig needs before it promises anything, and names for each thing that is not right
//! the command that mends it. What is found is judged by pure functions; only the looking is I/O.

mod clock;
mod data_folder;
mod engine;
mod gpus;
mod network;
mod orchestrator;
mod release;

use std::path::PathBuf;

use serde::Serialize;

use crate::container::Engine;
use crate::container::docker::{Docker, PullPolicy};
use crate::gpu::nvml;

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
}

impl Examination {
    /// With the driver's usual library, and no orchestrator.
    pub fn new(data_dir: impl Into<PathBuf>, disk_reserve_mib: u64) -> Self {
        let (data_dir, nvml_library) = (data_dir.into(), nvml::LIBRARY.into());
        Self { docker_host: None, data_dir, disk_reserve_mib, nvml_library, orchestrator_url: None }
    }

    /// Looks at everything. Nothing is changed, but for the fence around jobs with a network, which is put up.
    pub async fn run(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        match Docker::connect(self.docker_host.as_deref(), PullPolicy::Never).await {
            Ok(docker) => {
                findings.extend(engine::judge(&docker.facts().await));
                findings.push(network::judge(docker.fence().await));
            }
            Err(error) => findings.extend(engine::judge(&Err(error))),
        }
        let inventory = nvml::inventory(&self.nvml_library);
        findings.extend(gpus::judge(&inventory, gpus::toolkit().await.as_deref()));
        findings.push(data_folder::look(&self.data_dir, self.disk_reserve_mib));
        findings.push(clock::judge(clock::synchronised().await));
        if let Some(url) = &self.orchestrator_url {
            findings.push(orchestrator::look(url).await);
        }
        findings
    }
}
