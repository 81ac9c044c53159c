use std::str::FromStr;

use millrace_protocol::{Diagnostic, gpu};
use thiserror::Error;

use super::{Gpu, Inventory};

/// A GPU that does not exist, for demonstrations and tests: `rtx-4090:24576`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedGpu {
    /// Slug of [`gpu::CLASSES`].
    pub model: String,
    pub vram_mib: u32,
}

/// Why a text is no simulated GPU.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a GPU model and its memory in MiB")]
pub struct SimulatedGpuError(String);

impl Diagnostic for SimulatedGpuError {
    fn code(&self) -> &'static str {
        "simulated-gpu-invalid"
    }

    fn hint(&self) -> String {
        let known = gpu::CLASSES.iter().filter(|slug| **slug != "none").copied().collect::<Vec<_>>();
        format!("write it like `rtx-4090:24576`; models: {}", known.join(", "))
    }
}

impl FromStr for SimulatedGpu {
    type Err = SimulatedGpuError;

    fn from_str(text: &str) -> Result<Self, SimulatedGpuError> {
        let invalid = || SimulatedGpuError(text.to_owned());
        let (model, vram) = text.split_once(':').ok_or_else(invalid)?;
        let vram_mib = vram.parse().ok().filter(|vram| *vram > 0).ok_or_else(invalid)?;
        let known = gpu::class(model).is_some_and(|class| class != 0);
        if known { Ok(Self { model: model.to_owned(), vram_mib }) } else { Err(invalid()) }
    }
}

/// The inventory of a rig that pretends.
pub fn inventory(gpus: &[SimulatedGpu]) -> Inventory {
    let pretend = |gpu: &SimulatedGpu| Gpu { model: gpu.model.clone(), vram_mib: gpu.vram_mib, ..Gpu::default() };
    Inventory { gpus: gpus.iter().map(pretend).collect(), simulated: true, ..Inventory::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_and_memory_are_read() {
        let gpu = SimulatedGpu { model: "rtx-4090".into(), vram_mib: 24_576 };
        assert_eq!("rtx-4090:24576".parse(), Ok(gpu));
    }

    #[test]
    fn anything_else_is_refused_with_the_models_there_are() {
        for text in ["", "rtx-4090", "rtx-4090:", "rtx-4090:0", "rtx-9999:1", "none:1", "rtx-4090:1.5"] {
            let error = text.parse::<SimulatedGpu>().unwrap_err();
            assert!(error.hint().contains("rtx-3060"), "{text}");
        }
    }
}
