use std::fmt;

use millrace_protocol::Diagnostic;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Who answers for a failure, and so for the time it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// The job itself; trying elsewhere will not help.
    Buyer,
    /// This rig; another one may do better.
    Node,
    /// The task was taken back, or did not begin.
    Nobody,
}

/// Why a task failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    #[error("the image does not exist")]
    ImageMissing,
    #[error("the image could not be pulled")]
    PullFailed,
    #[error("the image took longer than the lease has time to start")]
    ImageSlow,
    #[error("the image fills the rig's disk")]
    ImageTooLarge,
    #[error("the image is one that no container can be made of")]
    ImageInvalid,
    #[error("the image asks for a GPU driver that this rig does not have")]
    ImageUnfit,
    #[error("the image's registry is not one that this rig may ask")]
    RegistryForbidden,
    #[error("an input could not be fetched")]
    InputUnavailable,
    #[error("the inputs took longer than the lease has time to start")]
    InputSlow,
    #[error("an input is not what the job's hash says")]
    InputCorrupt,
    #[error("the buyer has not brought what the job needs of it")]
    SecretsMissing,
    #[error("the image's registry does not accept the job's login")]
    RegistryRefused,
    #[error("an input could not be decrypted")]
    InputSealed,
    #[error("the rig's disk is full")]
    DiskFull,
    #[error("the container could not be created")]
    CreateFailed,
    #[error("the container took longer to create than the lease has time to start")]
    CreateSlow,
    #[error("the container could not be started")]
    StartFailed,
    #[error("the image cannot run the job's command")]
    CommandMissing,
    #[error("the container exited with status {0}")]
    ExitCode(i64),
    #[error("the container used more memory than the job allows")]
    OutOfMemory,
    #[error("the task ran longer than the job allows")]
    TimedOut,
    #[error("the outputs are not acceptable")]
    OutputInvalid,
    #[error("the outputs could not be uploaded")]
    UploadFailed,
    #[error("the container disappeared")]
    ContainerLost,
    #[error("the GPU has fallen off the bus")]
    GpuLost,
    #[error("the GPU has failed")]
    GpuFailed,
    #[error("the rig cannot keep the container out of its own networks")]
    NetworkUnfenced,
    #[error("a host of the job's `network` list does not exist")]
    NameUnknown,
    #[error("the hosts of the job's `network` list could not be looked up")]
    LookupFailed,
    #[error("the task belongs to a lease that this rig does not hold")]
    LeaseUnknown,
    #[error("too many tasks of the lease have not ended")]
    TasksTooMany,
    #[error("the task was stopped")]
    Stopped,
    #[error("its lease was ended with notice")]
    Preempted,
}

impl Cause {
    pub fn fault(self) -> Fault {
        match self {
            Self::ImageMissing
            | Self::ImageSlow
            | Self::ImageTooLarge
            | Self::ImageInvalid
            | Self::ImageUnfit
            | Self::RegistryForbidden
            | Self::CommandMissing
            | Self::ExitCode(_)
            | Self::OutOfMemory
            | Self::TimedOut
            | Self::SecretsMissing
            | Self::RegistryRefused
            | Self::InputSealed
            | Self::OutputInvalid
            | Self::NameUnknown => Fault::Buyer,
            Self::PullFailed
            | Self::DiskFull
            | Self::CreateFailed
            | Self::CreateSlow
            | Self::StartFailed
            | Self::ContainerLost
            | Self::GpuLost
            | Self::GpuFailed
            | Self::NetworkUnfenced
            | Self::LeaseUnknown
            // Of the network rather than the rig; but whoever tries again must count.
            | Self::InputUnavailable
            | Self::InputSlow
            | Self::InputCorrupt
            | Self::UploadFailed
            | Self::LookupFailed => Fault::Node,
            Self::TasksTooMany | Self::Stopped | Self::Preempted => Fault::Nobody,
        }
    }
}

impl Diagnostic for Cause {
    fn code(&self) -> &'static str {
        match self {
            Self::ImageMissing => "image-missing",
            Self::PullFailed => "pull-failed",
            Self::ImageSlow => "image-slow",
            Self::ImageTooLarge => "image-too-large",
            Self::ImageInvalid => "image-invalid",
            Self::ImageUnfit => "image-unfit",
            Self::RegistryForbidden => "registry-forbidden",
            Self::InputUnavailable => "input-unavailable",
            Self::InputSlow => "input-slow",
            Self::InputCorrupt => "input-corrupt",
            Self::SecretsMissing => "secrets-missing",
            Self::RegistryRefused => "registry-refused",
            Self::InputSealed => "input-sealed",
            Self::DiskFull => "disk-full",
            Self::CreateFailed => "create-failed",
            Self::CreateSlow => "create-slow",
            Self::StartFailed => "start-failed",
            Self::CommandMissing => "command-missing",
            Self::ExitCode(_) => "exit-code",
            Self::OutOfMemory => "out-of-memory",
            Self::TimedOut => "timed-out",
            Self::OutputInvalid => "output-invalid",
            Self::UploadFailed => "upload-failed",
            Self::ContainerLost => "container-lost",
            Self::GpuLost => "gpu-lost",
            Self::GpuFailed => "gpu-failed",
            Self::NetworkUnfenced => "network-unfenced",
            Self::NameUnknown => "name-unknown",
            Self::LookupFailed => "lookup-failed",
            Self::LeaseUnknown => "lease-unknown",
            Self::TasksTooMany => "tasks-too-many",
            Self::Stopped => "stopped",
            Self::Preempted => "preempted",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::ImageMissing => {
                "check the image's name and tag, and push it to a registry that the rigs reach, with a `[registry]` \
                 login where that wants one"
            }
            Self::PullFailed => "check that the rig reaches the image's registry; the task is tried on another rig",
            Self::ImageSlow => {
                "make the image smaller, or push it to a registry that answers faster; the task is tried on another rig"
            }
            Self::ImageTooLarge => "make the image smaller; the task is tried on another rig",
            Self::ImageInvalid => {
                "name the image by its repository, and let /tmp, /inputs and /outputs be folders; its WORKDIR and at most \
                 64 volumes are absolute paths that lie neither in /proc, /sys and /dev nor below /inputs, /outputs, \
                 /checkpoint and /run/secrets"
            }
            Self::ImageUnfit => {
                "read the engine's message: the image wants a newer GPU driver; the task is tried on another rig, and \
                 `placement.minimum_cuda` leaves out those that are too old"
            }
            Self::RegistryForbidden => {
                "push the image to a registry on the internet; a rig asks one in its own networks only where its \
                 owner names it with `--registry`"
            }
            Self::InputUnavailable => {
                "check that the rig reaches the network's object endpoint; the task is tried again"
            }
            Self::InputSlow => "make the inputs smaller; the task is tried on another rig, with a faster line perhaps",
            Self::InputCorrupt => "upload the inputs again with `millrace job submit`",
            Self::SecretsMissing => {
                "stay with the job: `millrace job submit --follow`, or `millrace job unlock` as soon as it has a lease"
            }
            Self::RegistryRefused => {
                "check `registry.username` and its password file, and that they may pull the image"
            }
            Self::InputSealed => "submit the job again: its inputs do not fit the key that was brought for them",
            Self::DiskFull => "free disk space on the rig, or give the worker another data directory",
            Self::CreateFailed => "read the engine's message; the command or a limit may not fit this engine",
            Self::CreateSlow => "check that the rig's container engine answers; the task is tried on another rig",
            Self::StartFailed => "read the engine's message; the rig's container runtime or GPU driver may be broken",
            Self::CommandMissing => "check that the image holds the command and that it is executable",
            Self::ExitCode(_) => "read the task's log with `millrace job logs`",
            Self::OutOfMemory => "raise `resources.memory` in the job file, or make the task smaller",
            Self::TimedOut => "raise `tasks.time_limit` in the job file, or make the task smaller",
            Self::OutputInvalid => "write plain files into /outputs: no links, no devices, within the job's limits",
            Self::UploadFailed => "check that the rig reaches the network's object endpoint; the task is tried again",
            Self::ContainerLost => "somebody removed the container on the rig; the task is tried again",
            Self::GpuLost | Self::GpuFailed => {
                "nothing to do: the task is tried on another rig, this one takes no work"
            }
            Self::NetworkUnfenced => {
                "install nftables on the rig and run the worker as root, or with `--no-network`; the task is tried \
                 on another rig"
            }
            Self::NameUnknown => "check the spelling of `network` in the job file; a host needs an IPv4 address",
            Self::LookupFailed => "check the worker's `--resolver`; the task is tried on another rig",
            Self::LeaseUnknown => "the worker lost its journal; the lease ends and the task is tried elsewhere",
            Self::TasksTooMany => {
                "nothing to do: the lease ends and the task is tried on another rig; the owner of this one should look at \
                 what keeps its engine from stopping containers"
            }
            Self::Stopped => "nothing to do: the job was cancelled, or the task was given to another rig",
            Self::Preempted => {
                "nothing to do: the task runs again on another node; leave out `spot` for leases that stay"
            }
        }
        .to_owned()
    }
}

/// A cause with what the outside said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub cause: Cause,
    /// The engine's or system's own words; may be empty.
    pub detail: String,
}

impl Failure {
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into() }
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self { cause, detail: String::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_str() {
            "" => write!(f, "{}", self.cause),
            detail => write!(f, "{}: {detail}", self.cause),
        }
    }
}
