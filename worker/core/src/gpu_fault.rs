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

/// Xids that the program on the GPU causes: an exception, a bad address, being stopped for either, and
/// the driver's cleaning up behind it (NVIDIA, "Xid Errors", table of causes).
const OF_THE_PROGRAM: [u64; 5] = [13, 31, 43, 45, 68];
/// Xids after which the GPU works on but wants a reset soon: a row of memory remapped, many corrected
/// errors, an error contained to the program that met it (the same table).
const OF_WEAR: [u64; 3] = [63, 92, 94];

impl GpuFault {
    /// An Xid that nobody has told us about is taken for the GPU's end.
    pub fn severity(self) -> Severity {
        match self {
            Self::Xid(number) if OF_THE_PROGRAM.contains(&number) => Severity::Notice,
            Self::Xid(number) if OF_WEAR.contains(&number) => Severity::Drain,
            Self::Slowed(_) => Severity::Notice,
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
        }
    }

    fn hint(&self) -> String {
        match (self, self.severity()) {
            (Self::Slowed(Slowdown::Heat), _) => "clean the fans, give the rig air, or lower the power limit",
            (Self::Slowed(Slowdown::PowerSupply), _) => "check the GPU's power cables and the power supply",
            (Self::Xid(_), Severity::Notice) => "nothing to do: the program on the GPU has done something wrong",
            (_, Severity::Drain) => "reset the GPU when its jobs have ended, then start the worker again",
            _ => "look into `dmesg`; reset the GPU or restart the rig, then start the worker again",
        }
        .to_owned()
    }
}
