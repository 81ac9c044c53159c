//! Containers, behind one trait. [`docker`] is the only place that knows the Docker API.

pub mod docker;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use millrace_agent::{Cause, Exit, Failure, FoundContainer, TaskKey};
use millrace_protocol::{Address, Diagnostic};
use millrace_seal::RegistryLogin;
use millrace_spec::{Destination, Runtime};
use thiserror::Error;

/// Labels every container carries: how a restarted worker finds its own.
pub mod label {
    pub const NODE: &str = "millrace.node";
    pub const JOB: &str = "millrace.job";
    pub const LEASE: &str = "millrace.lease";
    pub const TASK: &str = "millrace.task";
    pub const ATTEMPT: &str = "millrace.attempt";
    /// As its job has it.
    pub const IMAGE: &str = "millrace.image";
    /// From one start of its engine to the next, the one that the container was made in.
    pub const RUN: &str = "millrace.run";
    /// Of a task's network: where it leads.
    pub const EGRESS: &str = "millrace.egress";
}

/// Which GPUs a container gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GpuAccess {
    /// None, or simulated ones, of which only an environment variable tells.
    None,
    /// Real ones.
    Devices {
        /// NVML's.
        uuids: Vec<String>,
        /// The device nodes that a program needs for them; the rig may lack some.
        nodes: Vec<PathBuf>,
    },
}

/// What a container may connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkAccess {
    None,
    /// Everything that is not near the rig; names are looked up at these addresses.
    Internet {
        resolvers: Vec<IpAddr>,
    },
    /// Of that only these. Names were looked up before: the container knows their addresses and can ask nobody.
    Only {
        hosts: Vec<(String, Ipv4Addr)>,
        /// Networks all of them.
        destinations: Vec<Destination>,
    },
}

/// A container to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub key: TaskKey,
    pub job: Address,
    /// The node that runs it: for the label.
    pub node: Address,
    /// As the job has it.
    pub image: String,
    /// What that meant when it was brought, and what is run: by now the name may mean another image.
    pub image_id: String,
    /// Empty: the image's own.
    pub command: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub cpu_millis: u32,
    pub memory_mib: u32,
    pub pids: u32,
    pub network: NetworkAccess,
    /// None for the engine's own.
    pub runtime: Option<Runtime>,
    /// Bound read-only to `/inputs`.
    pub inputs: PathBuf,
    /// Bound to `/outputs`.
    pub outputs: PathBuf,
    /// Bound to `/checkpoint`.
    pub checkpoint: Option<PathBuf>,
    /// Bound read-only to `/run/secrets`.
    pub secrets: Option<PathBuf>,
    /// User and group id; never root.
    pub user: (u32, u32),
    /// Whether they are the rig's own, though the engine gives containers users of their own.
    pub host_users: bool,
    pub gpus: GpuAccess,
}

/// The container's name; one per task and attempt, so nothing is ever created twice.
pub fn name(key: TaskKey) -> String {
    format!("millrace-{key}")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Terminate,
    Kill,
}

/// Bytes of an image that is being pulled; both only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// An image that is on the rig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalImage {
    /// The engine's: what the name means now.
    pub id: String,
    /// Its registry's; one that was only ever built here has none but its id.
    pub digest: String,
    /// With every layer, also those that other images share.
    pub bytes: u64,
    /// Whether it has a name with a tag, and not only its id and digests.
    pub is_named: bool,
}

/// The first process of a container that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// On the engine's machine.
    pub pid: u32,
    /// The engine's name for the container, which is in the name of its control group.
    pub container: String,
}

impl Process {
    /// Whether it is there, and still the container's: numbers are given again. `false` where this machine does not
    /// tell.
    pub fn is_alive(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/cgroup", self.pid))
            .is_ok_and(|groups| groups.contains(&self.container))
    }
}

/// What a small machine's own programs need of its memory.
const LEAST_MEMORY_KEPT_MIB: u32 = 1_024;

/// What an engine says about itself and its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    pub version: String,
    pub cpu_cores: u16,
    /// All of the machine's.
    pub memory_mib: u32,
    /// Whether it can run containers under gVisor.
    pub gvisor: bool,
    /// The rig's user and group that a container's root is, where the engine gives containers users of their own.
    pub user_namespace: Option<(u32, u32)>,
    /// Where it keeps images, if that is a folder of this machine.
    pub image_folder: Option<PathBuf>,
}

impl Info {
    /// What the machine's owner can promise to leases, in MiB: a twentieth of the machine's memory stays with the
    /// system, the engine and the worker, and never less than 1 GiB. Were all of it promised, containers that stay
    /// within their limits would have the kernel end one of them, or one of the rig's own programs.
    pub fn memory_for_leases_mib(&self) -> u32 {
        let kept = LEAST_MEMORY_KEPT_MIB.max(self.memory_mib / 20);
        self.memory_mib.saturating_sub(kept)
    }
}

/// What an engine can say no with.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the container engine at {endpoint} does not answer: {reason}")]
    Unreachable { endpoint: String, reason: String },
    #[error("image {image} does not exist: {reason}")]
    ImageMissing { image: String, reason: String },
    #[error("image {image} could not be pulled: {reason}")]
    PullFailed { image: String, reason: String },
    #[error("the registry of image {image} refused the login: {reason}")]
    LoginRefused { image: String, reason: String },
    #[error("no container can be made of image {image}: {reason}")]
    ImageInvalid { image: String, reason: String },
    #[error("the image asks for a GPU driver that this rig does not have: {reason}")]
    ImageUnfit { reason: String },
    #[error("the command cannot be run: {reason}")]
    CommandMissing { reason: String },
    #[error("containers with a network cannot be kept away from the rig's own networks: {reason}")]
    Unfenced { reason: String },
    #[error("no such container")]
    NotFound,
    #[error("the engine stopped, and the container with it")]
    Interrupted,
    #[error("the engine refused with status {status}: {reason}")]
    Refused { status: u16, reason: String },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "engine-unreachable",
            Self::ImageMissing { .. } => "image-missing",
            Self::PullFailed { .. } => "pull-failed",
            Self::LoginRefused { .. } => "registry-refused",
            Self::ImageInvalid { .. } => "image-invalid",
            Self::ImageUnfit { .. } => "image-unfit",
            Self::NotFound | Self::Interrupted => "container-lost",
            Self::CommandMissing { .. } => "command-missing",
            Self::Unfenced { .. } => "network-unfenced",
            Self::Refused { .. } => "engine-refused",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Unreachable { .. } => {
                "start Docker (`systemctl start docker`, or `dockerd &`), and let this user into the `docker` group"
                    .to_owned()
            }
            Self::ImageMissing { .. } => Cause::ImageMissing.hint(),
            Self::PullFailed { .. } => Cause::PullFailed.hint(),
            Self::LoginRefused { .. } => Cause::RegistryRefused.hint(),
            Self::ImageInvalid { .. } => Cause::ImageInvalid.hint(),
            Self::ImageUnfit { .. } => Cause::ImageUnfit.hint(),
            Self::NotFound | Self::Interrupted => Cause::ContainerLost.hint(),
            Self::CommandMissing { .. } => Cause::CommandMissing.hint(),
            Self::Unfenced { .. } => Cause::NetworkUnfenced.hint(),
            Self::Refused { .. } => Cause::CreateFailed.hint(),
        }
    }
}

impl Error {
    /// As a task's failure; `otherwise` where the error says nothing more exact. What a registry has answered stays on
    /// the rig: it may be no registry but something that only the rig can reach.
    pub fn failure(&self, otherwise: Cause) -> Failure {
        let cause = match self {
            Self::ImageMissing { .. } => Cause::ImageMissing,
            Self::PullFailed { .. } => Cause::PullFailed,
            Self::LoginRefused { .. } => Cause::RegistryRefused,
            Self::ImageInvalid { .. } => Cause::ImageInvalid,
            Self::ImageUnfit { .. } => Cause::ImageUnfit,
            Self::CommandMissing { .. } => Cause::CommandMissing,
            Self::Unfenced { .. } => Cause::NetworkUnfenced,
            Self::Unreachable { .. } | Self::NotFound | Self::Interrupted | Self::Refused { .. } => otherwise,
        };
        match self {
            Self::ImageMissing { image, .. } | Self::PullFailed { image, .. } | Self::LoginRefused { image, .. } => {
                Failure::new(cause, image.clone())
            }
            Self::ImageInvalid { image, reason } => Failure::new(cause, format!("{image}: {reason}")),
            Self::ImageUnfit { reason }
            | Self::CommandMissing { reason }
            | Self::Unfenced { reason }
            | Self::Refused { reason, .. } => Failure::new(cause, reason.clone()),
            Self::Unreachable { .. } | Self::NotFound | Self::Interrupted => Failure::new(cause, self.to_string()),
        }
    }
}

/// Where a program prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandardStream {
    Output,
    Error,
}

/// Something that a container has printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    pub stream: StandardStream,
    pub bytes: Bytes,
}

/// A container engine. Containers are named by their task: see [`name`].
pub trait Engine: Send + Sync + 'static {
    fn info(&self) -> BoxFuture<'_, Result<Info, Error>>;

    /// Makes sure that containers with a network reach nothing near the rig. Called again and again while one
    /// runs: whoever owns the rig may take rules away.
    fn fence(&self) -> BoxFuture<'_, Result<(), Error>>;

    /// Whether it asks registries at all.
    fn pulls(&self) -> bool;

    /// Whether the registry of the image's name gives whoever has this login the very image that is here under it.
    /// Nothing is pulled, and no name changes its meaning.
    fn is_offered<'a>(&'a self, image: &'a str, login: Option<&'a RegistryLogin>)
    -> BoxFuture<'a, Result<bool, Error>>;

    /// Names of local images.
    fn images(&self) -> BoxFuture<'_, Result<Vec<String>, Error>>;

    /// What an image's name means; `None` where it means nothing.
    fn local_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<Option<LocalImage>, Error>>;

    /// Takes an image's name away, and with its last name the image. `false`: a container needs it, also one
    /// that does not run.
    fn remove_image<'a>(&'a self, _image: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        async { Ok(false) }.boxed()
    }

    /// Pulls an image; what its name means then. The login is for this pull alone: an engine does not keep it.
    fn pull<'a>(
        &'a self,
        image: &'a str,
        login: Option<&'a RegistryLogin>,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> BoxFuture<'a, Result<LocalImage, Error>>;

    /// Creates a container; one of the same name, left from before, is removed first.
    fn create<'a>(&'a self, plan: &'a Plan) -> BoxFuture<'a, Result<(), Error>>;

    fn start(&self, key: TaskKey) -> BoxFuture<'_, Result<(), Error>>;

    /// Returns when the container does not run any more. [`Error::Interrupted`] when it ended with the engine, or badly
    /// while that was down: that says nothing about the program.
    fn wait(&self, key: TaskKey) -> BoxFuture<'_, Result<Exit, Error>>;

    /// `None` where the container does not run, or the engine does not tell.
    fn main_process(&self, _key: TaskKey) -> BoxFuture<'_, Result<Option<Process>, Error>> {
        async { Ok(None) }.boxed()
    }

    /// What a container that has been created will print, as it prints it, from the first byte on. It ends with the
    /// container, and when the engine breaks it off. Whoever holds it reads it: a container whose words nobody takes
    /// waits in the middle of them. `None` where only [`Engine::logs`] can be had.
    fn attach(&self, _key: TaskKey) -> BoxFuture<'_, Option<BoxStream<'static, Printed>>> {
        async { None }.boxed()
    }

    /// What the engine has kept of standard output and error, from the first byte on that it still has, until the
    /// container ends. The same bytes of each stream as [`Engine::attach`] gives, but not in the same turns, and not
    /// always with the ends of lines that are longer than 16 KiB.
    fn logs(&self, key: TaskKey) -> BoxStream<'_, Result<Printed, Error>>;

    /// A container that does not run is left alone.
    fn signal(&self, key: TaskKey, signal: Signal) -> BoxFuture<'_, Result<(), Error>>;

    /// Removes by name or id, running or not; nothing to remove is no error.
    fn remove<'a>(&'a self, container: &'a str) -> BoxFuture<'a, Result<(), Error>>;

    /// Every container with the node's label.
    fn list(&self, node: Address) -> BoxFuture<'_, Result<Vec<FoundContainer>, Error>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_keeps_a_twentieth_of_its_memory_and_a_gibibyte_at_least() {
        let offered = |memory_mib| {
            let (version, user_namespace, image_folder) = (String::new(), None, None);
            Info { version, cpu_cores: 1, memory_mib, gvisor: false, user_namespace, image_folder }
                .memory_for_leases_mib()
        };
        for (all, expected) in
            [(0, 0), (1_024, 0), (1_025, 1), (20_480, 19_456), (20_500, 19_475), (u32::MAX, 4_080_218_931)]
        {
            assert_eq!(offered(all), expected, "{all}");
        }
    }
}
