use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use super::{Gpu, Inventory, model_of};

/// What drivers install; the name without a version comes with development packages only.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// Asks the driver. A rig without one is no error; it sells its CPUs.
pub fn inventory() -> Inventory {
    match read() {
        Ok(gpus) if gpus.is_empty() => absent("the driver lists none".to_owned()),
        Ok(gpus) => Inventory { gpus, simulated: false, absence: None },
        Err(NvmlError::LibloadingError(_)) => absent(format!("{LIBRARY} was not found")),
        Err(error) => absent(error.to_string()),
    }
}

fn absent(reason: String) -> Inventory {
    Inventory { absence: Some(format!("no NVIDIA GPUs: {reason}")), ..Inventory::default() }
}

fn read() -> Result<Vec<Gpu>, NvmlError> {
    let nvml = Nvml::builder().lib_path(LIBRARY.as_ref()).init()?;
    (0..nvml.device_count()?)
        .map(|index| {
            let device = nvml.device_by_index(index)?;
            Ok(Gpu {
                uuid: device.uuid()?,
                model: model_of(&device.name()?).to_owned(),
                vram_mib: u32::try_from(device.memory_info()?.total / 1_048_576).unwrap_or(u32::MAX),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rig_has_gpus_or_one_line_that_says_why_not() {
        let inventory = inventory();
        match &inventory.absence {
            Some(line) => {
                assert!(inventory.gpus.is_empty());
                assert!(line.starts_with("no NVIDIA GPUs: ") && !line.contains('\n'), "{line}");
            }
            None => assert!(inventory.gpus.iter().all(|gpu| !gpu.uuid.is_empty() && gpu.vram_mib > 0)),
        }
    }
}
