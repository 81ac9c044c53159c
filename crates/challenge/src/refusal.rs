use millrace_protocol::Diagnostic;
use thiserror::Error;

use crate::challenge::Millis;

/// Why an answer does not show what was asked for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    #[error("the commitment came after {} ms, it had {} ms", took.0, within.0)]
    CommitmentLate { took: Millis, within: Millis },
    #[error("the opening came after {} ms, it had {} ms", took.0, within.0)]
    OpeningLate { took: Millis, within: Millis },
    #[error("the answer is of the GPU {answered}, {asked} was asked")]
    OtherGpu { asked: String, answered: String },
    #[error("the answer is over {answered} tiles, {asked} were asked for")]
    OtherSize { asked: u32, answered: u32 },
    #[error("the answer was computed by a processor, not by a GPU")]
    Simulated,
    #[error("{opened} tiles were opened, {asked} were asked for")]
    OtherCount { asked: usize, opened: usize },
    #[error("tile {opened} was opened where tile {asked} was asked for")]
    OtherTile { asked: u32, opened: u32 },
    #[error("tile {tile} is no square of {} canonical words", crate::tile::WORDS)]
    Malformed { tile: u32 },
    #[error("tile {tile} is not the one that was committed to")]
    NotCommitted { tile: u32 },
    #[error("tile {tile} is not the product of its seed tiles")]
    WrongProduct { tile: u32 },
}

impl Diagnostic for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::CommitmentLate { .. } => "challenge-commitment-late",
            Self::OpeningLate { .. } => "challenge-opening-late",
            Self::OtherGpu { .. } => "challenge-other-gpu",
            Self::OtherSize { .. } => "challenge-other-size",
            Self::Simulated => "challenge-simulated",
            Self::OtherCount { .. } => "challenge-other-count",
            Self::OtherTile { .. } => "challenge-other-tile",
            Self::Malformed { .. } => "challenge-malformed",
            Self::NotCommitted { .. } => "challenge-not-committed",
            Self::WrongProduct { .. } => "challenge-wrong-product",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::CommitmentLate { .. } | Self::OpeningLate { .. } => {
                "free the GPU and the network of other work; a GPU that is always late is not of the class it says"
            }
            Self::OtherGpu { .. } => "register the GPU that is in the rig",
            Self::OtherSize { .. } => "register the memory that the GPU has",
            Self::Simulated => "install the NVIDIA driver, or register the node's GPUs as simulated",
            Self::OtherCount { .. } | Self::OtherTile { .. } | Self::Malformed { .. } => {
                "check that worker and orchestrator are of the same version"
            }
            Self::NotCommitted { .. } | Self::WrongProduct { .. } => {
                "look for memory errors and overclocking of the GPU; the node is not attested until it answers right"
            }
        }
        .to_owned()
    }
}
