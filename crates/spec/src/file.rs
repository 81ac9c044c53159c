mod document;
mod network;
mod order;
mod placement;
mod sealing;
mod terms;
mod verification;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;

use millrace_protocol::{Address, JobTerms};

use crate::quantity::{parse_mib, parse_usdc};
use crate::{Error, JobSpec, Limits, ObjectRef, Runtime};

use document::Document;
pub use sealing::RegistryFiles;
use sealing::Sealing;

/// A parsed and validated job file. Inputs are still local paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFile {
    /// By path under `/inputs`; relative to the job file.
    pub inputs: BTreeMap<String, PathBuf>,
    /// The secrets' files by their names under `/run/secrets`; relative to the job file.
    pub secrets: BTreeMap<String, PathBuf>,
    /// How the image's registry is logged in to.
    pub registry: Option<RegistryFiles>,
    sealing: Sealing,
    /// The spec with no inputs yet.
    spec: JobSpec,
    attestor: Option<Address>,
}

fn wrong(field: &'static str, value: &str, expected: &'static str) -> Error {
    Error::Field { field, value: value.to_owned(), expected }
}

impl JobFile {
    /// Parses TOML. A `deposit` left out is the worst case of all concurrent leases.
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::Field`], [`Error::Terms`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let document: Document =
            toml::from_str(text).map_err(|error| Error::Syntax(error.to_string().trim_end().to_owned()))?;
        let work = work::work(&document)?;
        let terms = terms::terms(&document, &work)?;
        let attestor = verification::attestor(&document.verification)?;
        let resources = &document.resources;
        let size =
            |field, text: &str| parse_mib(text).ok_or_else(|| wrong(field, text, "a size such as `512MiB` or `8GiB`"));
        let placement = placement::placement(&document.placement)?;
        let after = order::after(&document)?;
        let (network, egress) = network::network(&document.network)?;
        let retry = document.retry.as_ref().map(order::retry).transpose()?;
        let runtime = document.runtime.as_deref().map(runtime).transpose()?;
        let sealing = Sealing::of(&document.encryption);
        let registry = document.registry.map(|registry| RegistryFiles::of(registry, &document.image));
        let checkpoint = document.checkpoint.as_ref().map(order::checkpoint).transpose()?;
        let outputs = document.outputs.as_ref().map(order::outputs).transpose()?;
        let spec = JobSpec {
            after,
            checkpoint,
            command: document.command,
            egress,
            env: document.env,
            finish_on_notice: work.finish_on_notice,
            image: document.image,
            inputs: BTreeMap::new(),
            limits: Limits {
                cpu_milli: parse_cpu_milli(&resources.cpus)
                    .ok_or_else(|| wrong("resources.cpus", &resources.cpus, "a number of CPUs such as `1` or `0.5`"))?,
                disk_mib: size("resources.disk", &resources.disk)?,
                memory_mib: size("resources.memory", &resources.memory)?,
                pids: resources.pids,
                task_seconds: work.time_limit.unwrap_or(terms.lease_seconds).0,
            },
            name: document.name,
            network,
            outputs,
            placement,
            retry,
            runtime,
            sealed: None,
            shape: work.shape,
            task_retries: work.task_retries,
            tasks: work.tasks,
            terms,
        };
        let (inputs, secrets) = (document.inputs, document.secrets);
        let file = Self { inputs, secrets, registry, sealing, spec, attestor };
        // Checks everything but the contents of inputs, which nobody has read yet.
        let empty = crate::sha256(b"");
        let placeholder = ObjectRef { sha256: empty, size: 0 };
        let mut whole = file.clone();
        whole.seal(empty, sealing::NOBODY);
        whole.resolve(&file.inputs.keys().map(|path| (path.clone(), placeholder)).collect())?;
        Ok(file)
    }

    /// The spec, once every input is known by its content.
    ///
    /// # Errors
    /// [`Error::InputUnresolved`], [`Error::NotSealed`] and those of [`JobSpec::check`].
    pub fn resolve(&self, objects: &BTreeMap<String, ObjectRef>) -> Result<JobSpec, Error> {
        let mut spec = self.spec.clone();
        for path in self.inputs.keys() {
            let object = objects.get(path).ok_or_else(|| Error::InputUnresolved(path.clone()))?;
            spec.inputs.insert(path.clone(), *object);
        }
        spec.sealed = self.sealed()?;
        spec.check()?;
        Ok(spec)
    }

    pub fn name(&self) -> &str {
        &self.spec.name
    }

    pub fn terms(&self) -> &JobTerms {
        &self.spec.terms
    }

    /// Whose vouchers count; `None` for the network's scheduler. Not a part of the spec: it is no business
    /// of a container.
    pub fn attestor(&self) -> Option<Address> {
        self.attestor
    }
}

fn runtime(name: &str) -> Result<Runtime, Error> {
    Runtime::named(name).ok_or_else(|| wrong("runtime", name, "`gvisor`, or left out for the engine's own"))
}

/// `"0.5"` CPUs are 500: three decimals at most.
fn parse_cpu_milli(text: &str) -> Option<u32> {
    let micro = parse_usdc(text)?.0;
    (micro % 1_000 == 0).then(|| u32::try_from(micro / 1_000).ok())?
}

#[cfg(test)]
mod tests;
