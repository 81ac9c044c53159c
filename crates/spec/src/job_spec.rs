use std::collections::BTreeMap;

use millrace_protocol::JobTerms;
use serde::{Deserialize, Serialize};

use crate::{
    After, Checkpointing, Destination, EarlyOutputs, Error, ObjectRef, Placement, Retry, Runtime, Sealed, Sha256,
    Shape, after, egress, sha256,
};

/// What the network runs. Its JSON is the canonical form, which other languages can reproduce: keys in
/// the order of the fields, here alphabetical and in [`JobTerms`] its own; no spaces, integers only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// Jobs that come first; none where nothing has to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<After>>,
    /// None where nothing is kept between two attempts at a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpointing>,
    /// Words of the container's command, with `{task}` and `{task1}` for the task's number.
    pub command: Vec<String>,
    /// Where containers with a network may connect to; empty for all of the internet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<Destination>,
    pub env: BTreeMap<String, String>,
    /// Whether a task runs on when its spot lease has notice; otherwise it is told to stop at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finish_on_notice: bool,
    pub image: String,
    /// By path under `/inputs`.
    pub inputs: BTreeMap<String, ObjectRef>,
    pub limits: Limits,
    pub name: String,
    /// Whether the container has a network at all.
    pub network: bool,
    /// None where outputs are brought away at a task's end alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<EarlyOutputs>,
    /// None where nothing is asked that the terms do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// None where a task that failed runs again at once, until it has failed too often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// None for the engine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
    /// What the buyer brings to each lease's rig itself; none where a rig needs nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
    /// None for tasks that run one by one, as nodes are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// How often one task may fail by its own fault before the job fails.
    pub task_retries: u16,
    pub tasks: u32,
    pub terms: JobTerms,
}

/// What one container may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Thousandths of a CPU.
    pub cpu_milli: u32,
    /// Of inputs and outputs together.
    pub disk_mib: u32,
    pub memory_mib: u32,
    pub pids: u32,
    /// Of one task's container.
    pub task_seconds: u64,
}

pub(crate) const MIB: u64 = 1_048_576;

impl Limits {
    pub const LEAST_CPU_MILLI: u32 = 10;
    pub const LEAST_MEMORY_MIB: u32 = 8;
    pub const LEAST_DISK_MIB: u32 = 1;
}

impl JobSpec {
    /// The longest spec that the network reads, in bytes of its canonical form.
    pub const LONGEST: u64 = 4 * 1024 * 1024;

    /// # Errors
    /// [`Error::Field`], [`Error::InputsFillDisk`], [`Error::Terms`], [`Error::TooLong`].
    pub fn check(&self) -> Result<(), Error> {
        let field = |field, value: String, expected| Err(Error::Field { field, value, expected });
        if self.name.is_empty() || self.name.len() > 64 || self.name.chars().any(char::is_control) {
            return field("name", self.name.clone(), "1 to 64 bytes of text");
        }
        if self.image.is_empty()
            || self.image.len() > 512
            || self.image.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return field("image", self.image.clone(), "an image reference such as `registry/name:tag`");
        }
        if self.command.iter().map(String::len).sum::<usize>() > 65_536
            || self.command.iter().any(|word| word.contains('\0'))
        {
            return field("command", format!("{} words", self.command.len()), "at most 64 KiB and without NUL");
        }
        if !(1..=100_000).contains(&self.tasks) {
            return field("tasks.count", self.tasks.to_string(), "1 to 100000");
        }
        for (name, value) in &self.env {
            let identifier = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let digit_first = name.bytes().next().is_none_or(|byte| byte.is_ascii_digit());
            if !identifier || digit_first || name.starts_with("MILLRACE_") || value.contains('\0') {
                return field("env", name.clone(), "letters, digits and `_`, and not begin with `MILLRACE_`");
            }
        }
        if let Some(path) = self.inputs.keys().find(|path| !is_plain_path(path)) {
            return field("inputs", path.clone(), "a relative path without `..`");
        }
        let below = |path: &str| {
            self.inputs.keys().find(|other| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
        };
        if let Some(nested) = self.inputs.keys().find_map(|path| below(path)) {
            return field("inputs", nested.clone(), "outside of every other input: a file is no folder");
        }
        let limits = &self.limits;
        if !(Limits::LEAST_CPU_MILLI..=1_024_000).contains(&limits.cpu_milli) {
            return field("resources.cpus", limits.cpu_milli.to_string(), "0.01 to 1024 CPUs");
        }
        if limits.memory_mib < Limits::LEAST_MEMORY_MIB {
            return field("resources.memory", format!("{}MiB", limits.memory_mib), "at least 8MiB");
        }
        if limits.disk_mib < Limits::LEAST_DISK_MIB {
            return field("resources.disk", "0MiB".to_owned(), "at least 1MiB");
        }
        // A rig counts them as they are uploaded, and each task has all of them.
        let inputs = self.input_bytes();
        if inputs >= u64::from(limits.disk_mib) * MIB {
            return Err(Error::InputsFillDisk { inputs, disk_mib: limits.disk_mib });
        }
        if !(1..=65_536).contains(&limits.pids) {
            return field("resources.pids", limits.pids.to_string(), "1 to 65536");
        }
        if limits.task_seconds == 0 || limits.task_seconds > self.terms.lease_seconds.0 {
            return field(
                "tasks.time_limit",
                format!("{}s", limits.task_seconds),
                "at least 1s and at most `budget.lease`",
            );
        }
        if self.finish_on_notice && (matches!(self.shape, Some(Shape::Service(_))) || !self.terms.spot) {
            return field("tasks.on_notice", "finish".to_owned(), "`stop` in a service, and without `budget.spot`");
        }
        self.terms.check()?;
        egress::check(&self.egress, self.network)?;
        self.after.as_deref().map_or(Ok(()), after::check)?;
        self.checkpoint.map_or(Ok(()), |checkpoint| checkpoint.check(self))?;
        self.outputs.map_or(Ok(()), |outputs| outputs.check(self))?;
        self.retry.as_ref().map_or(Ok(()), Retry::check)?;
        let placement = self.placement.as_ref();
        placement.map_or(Ok(()), |placement| placement.check(self.shape.as_ref(), &self.terms))?;
        self.sealed.as_ref().map_or(Ok(()), |sealed| sealed.check(self))?;
        self.shape.as_ref().map_or(Ok(()), |shape| shape.check(self.tasks, &self.terms))?;
        let bytes = self.canonical_bytes().len() as u64;
        if bytes > Self::LONGEST { Err(Error::TooLong { bytes }) } else { Ok(()) }
    }

    /// MiB of disk that a rig promises to a lease of the job: `limits.disk_mib`, and encrypted inputs once more, which
    /// stay as they came beside what the container sees. Outputs are encrypted in what the job itself leaves free: few
    /// use all that they may, and a promise for those would keep every other from its rig.
    pub fn promised_disk_mib(&self) -> u64 {
        let are_encrypted = self.sealed.as_ref().is_some_and(|sealed| sealed.inputs.is_some());
        let decrypted = if are_encrypted { self.input_bytes() } else { 0 };
        (u64::from(self.limits.disk_mib) * MIB).saturating_add(decrypted).div_ceil(MIB)
    }

    /// Bytes of all inputs as they are uploaded; saturates.
    fn input_bytes(&self) -> u64 {
        self.inputs.values().fold(0, |sum, object| sum.saturating_add(object.size))
    }

    /// The bytes whose SHA-256 stands on chain.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a struct of strings and integers is always JSON")
    }

    pub fn hash(&self) -> Sha256 {
        sha256(&self.canonical_bytes())
    }

    /// Reads and checks a spec; other bytes than the canonical ones are refused, so that a spec has one hash.
    ///
    /// # Errors
    /// [`Error::NotCanonical`] and those of [`JobSpec::check`].
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, Error> {
        let spec: Self = serde_json::from_slice(bytes).map_err(|_| Error::NotCanonical)?;
        if spec.canonical_bytes() != bytes {
            return Err(Error::NotCanonical);
        }
        spec.check()?;
        Ok(spec)
    }
}

/// Relative, `/`-separated, no empty, `.` or `..` part, and no part longer than file systems take.
pub(crate) fn is_plain_path(path: &str) -> bool {
    path.len() <= 4_096
        && !path.contains(['\0', '\\'])
        && path.split('/').all(|part| !matches!(part, "" | "." | "..") && part.len() <= 255)
}
