//! NVIDIA's management library, loaded at run time: what GPUs there are, how they are, what happens to
//! them.

mod events;
mod inventory;
mod reading;
mod topology;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Gpu, Inventory, Reading, Sample};

pub(super) use events::{Events, Said};

/// What drivers install; the name without a version comes with development packages only.
pub const LIBRARY: &str = "libnvidia-ml.so.1";

/// How long the driver may take to list its GPUs: without its persistence daemon it starts each of them first, which is
/// seconds for one.
const PATIENCE: Duration = Duration::from_secs(60);

/// The library, started.
pub struct Driver(Nvml);

impl Driver {
    /// # Errors
    /// The library's: it is not there, or it has no driver to speak to.
    pub fn load(path: &Path) -> Result<Self, NvmlError> {
        Nvml::builder().lib_path(path.as_os_str()).init().map(Self)
    }

    /// How one GPU or slice of the inventory is, as far as it can be asked.
    pub fn sample(&self, gpu: &Gpu) -> Sample {
        match self.read(gpu) {
            Ok(reading) => Sample::Read(reading),
            // A UUID of the inventory that is unknown now: the GPU is gone, and the driver has noticed.
            Err(NvmlError::GpuLost | NvmlError::NotFound) => Sample::Lost,
            Err(NvmlError::ResetRequired) => Sample::ResetRequired,
            Err(error) => Sample::Unknown(error.to_string()),
        }
    }

    fn read(&self, gpu: &Gpu) -> Result<Reading, NvmlError> {
        reading::read(&self.0, gpu)
    }

    /// Waits for what the driver says of the GPUs.
    pub(super) fn events<'nvml>(&'nvml self, gpus: &[Gpu]) -> Option<Events<'nvml>> {
        Events::subscribe(&self.0, gpus)
    }
}

/// Asks the driver. A rig without one is no error; it sells its CPUs.
pub fn inventory(library: &Path) -> Inventory {
    match Driver::load(library).and_then(|driver| inventory::read(&driver.0)) {
        Ok(inventory) if inventory.gpus.is_empty() && inventory.unusable.is_empty() => {
            absent("the driver lists none".to_owned())
        }
        Ok(inventory) => inventory,
        Err(NvmlError::LibloadingError(_)) => absent(format!("{} was not found", library.display())),
        Err(error) => absent(error.to_string()),
    }
}

/// Like [`inventory`], for no longer than a driver may take: one whose GPU has failed may never answer.
pub(crate) async fn ask(library: PathBuf) -> Inventory {
    let (sender, told) = oneshot::channel();
    // None of the runtime's threads: it would wait for that at its end.
    thread::spawn(move || {
        let _ = sender.send(inventory(&library));
    });
    let told = timeout(PATIENCE, told).await.ok().and_then(Result::ok);
    told.unwrap_or_else(|| absent(format!("the driver does not answer in {} s", PATIENCE.as_secs())))
}

fn absent(reason: String) -> Inventory {
    Inventory { absence: Some(format!("no NVIDIA GPUs: {reason}")), ..Inventory::default() }
}

/// `None` for what this GPU or its driver does not tell; a GPU that is in trouble is no answer at all.
fn told<T>(answer: Result<T, NvmlError>) -> Result<Option<T>, NvmlError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error @ (NvmlError::GpuLost | NvmlError::ResetRequired)) => Err(error),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rig_has_gpus_or_one_line_that_says_why_not() {
        let inventory = inventory(Path::new(LIBRARY));
        match &inventory.absence {
            Some(line) => {
                assert!(inventory.gpus.is_empty());
                assert!(line.starts_with("no NVIDIA GPUs: ") && !line.contains('\n'), "{line}");
            }
            None => assert!(inventory.gpus.iter().all(|gpu| !gpu.uuid.is_empty() && gpu.vram_mib > 0)),
        }
    }
}
