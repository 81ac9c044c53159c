use std::fmt;

use millrace_protocol::Diagnostic;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Cause, Failure};

/// What is wrong with one of the rig's GPUs.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GpuFault {
    #[error("it has fallen off the bus")]
    Lost,
    #[error("it must be reset before it can be used again")]
    ResetRequired,
    /// The driver's own number for what happened.
    #[error("the driver reports Xid {0}")]
    Xid(u64),
    #[error("{0} errors of its memory could not be corrected")]
    MemoryErrors(u64),
    #[error("it slows down because of {0}")]
    Slowed(Slowdown),
    #[error("the driver does not say how it is")]
    Silent,
}

/// Why a GPU's own circuits halve its clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Slowdown {
    Heat,
    PowerSupply,
}

impl fmt::Display for Slowdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Heat => "heat",
            Self::PowerSupply => "its power supply",
        })
    }
}

/// What a fault asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// To tell the rig's owner.
    Notice,
    /// To take no further work; what runs may finish.
    Drain,
    /// To hand back what runs on the GPU, too: it will not finish, or not with results to trust.
    HandBack,
}

/// Xids after which NVIDIA has the application restarted, or nothing done, by the first action that its Xid catalog has
/// for each (October 2025; Ampere and newer), and with its decoders the encoders of GPUs that it leaves out (47, 65, 73).
/// Most of these any program can bring about: were the rig to blame, one job after another could be sent to empty it, and
/// with it whoever else has a slice of the GPU.
const OF_THE_PROGRAM: [u64; 67] = [
    8, 11, 13, 14, 25, 31, 32, 37, 38, 39, 40, 41, 43, 44, 45, 47, 60, 65, 66, 67, 68, 69, 70, 71, 72, 73, 75, 76, 77,
    80, 82, 83, 84, 85, 86, 88, 89, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 121, 126, 127, 128,
    129, 130, 131, 132, 133, 134, 135, 137, 139, 141, 152, 153, 154,
];
/// Xids after which the GPU works on but wears out: memory remapped or corrected too often, an error contained to the
/// program that met it, resources retired for good (the same catalog).
const OF_WEAR: [u64; 7] = [63, 92, 93, 94, 157, 160, 161];

impl GpuFault {
    /// An Xid that nobody has told us about is taken for the GPU's end.
    pub fn severity(self) -> Severity {
        match self {
            Self::Xid(number) if OF_THE_PROGRAM.contains(&number) => Severity::Notice,
            Self::Xid(number) if OF_WEAR.contains(&number) => Severity::Drain,
            Self::Slowed(_) => Severity::Notice,
            Self::Silent => Severity::Drain,
            Self::Lost | Self::ResetRequired | Self::Xid(_) | Self::MemoryErrors(_) => Severity::HandBack,
        }
    }

    /// What a task on the GPU fails with.
    pub fn failure(self) -> Failure {
        match self {
            Self::Lost => Cause::GpuLost.into(),
            other => Failure::new(Cause::GpuFailed, other.to_string()),
        }
    }
}

impl Diagnostic for GpuFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Lost => "gpu-off-the-bus",
            Self::ResetRequired => "gpu-reset-required",
            Self::Xid(_) => "gpu-xid",
            Self::MemoryErrors(_) => "gpu-memory-errors",
            Self::Slowed(_) => "gpu-slowed",
            Self::Silent => "gpu-silent",
        }
    }

    fn hint(&self) -> String {
        match (self, self.severity()) {
            (Self::Slowed(Slowdown::Heat), _) => "clean the fans, give the rig air, or lower the power limit",
            (Self::Slowed(Slowdown::PowerSupply), _) => "check the GPU's power cables and the power supply",
            (Self::Xid(_), Severity::Notice) => {
                "nothing to do where it comes with one program only; where it comes with many, look into `dmesg`"
            }
            (Self::Silent, _) => "see whether `nvidia-smi` answers; restart the rig, then start the worker again",
            (_, Severity::Drain) => "reset the GPU when its jobs have ended, then start the worker again",
            _ => "look into `dmesg`; reset the GPU or restart the rig, then start the worker again",
        }
        .to_owned()
    }
}
