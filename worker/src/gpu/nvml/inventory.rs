use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml, cuda_driver_version_major, cuda_driver_version_minor};

use super::{told, topology};
use crate::gpu::{Gpu, Inventory, Pcie, Slice, Software, model_of};

/// What a GPU is called in a product name behind which its slices follow.
const SLICE: &str = " MIG ";

/// Every GPU, and every slice in place of a GPU that is cut into slices.
pub(super) fn read(nvml: &Nvml) -> Result<Inventory, NvmlError> {
    let mut inventory = Inventory { software: software(nvml), ..Inventory::default() };
    let mut boards = Vec::new();
    for index in 0..nvml.device_count()? {
        let found = nvml.device_by_index(index).and_then(|device| Ok((read_gpu(&device)?, device)));
        match found {
            Ok((gpu, device)) => {
                match slices(&device, &gpu) {
                    Ok(None) => inventory.gpus.push(gpu.clone()),
                    Ok(Some(slices)) if slices.is_empty() => {
                        inventory.unusable.push(format!("GPU {index}: MIG is on, and it has no slices"));
                    }
                    Ok(Some(slices)) => inventory.gpus.extend(slices),
                    Err(error) => inventory.unusable.push(format!("GPU {index}: {error}")),
                }
                boards.push((gpu.uuid, device));
            }
            // One broken GPU does not hide the others.
            Err(error) => inventory.unusable.push(format!("GPU {index}: {error}")),
        }
    }
    inventory.links = topology::read(&boards);
    Ok(inventory)
}

fn software(nvml: &Nvml) -> Option<Software> {
    let driver = nvml.sys_driver_version().ok()?;
    let cuda = nvml.sys_cuda_driver_version().ok()?;
    let cuda = format!("{}.{}", cuda_driver_version_major(cuda), cuda_driver_version_minor(cuda));
    Some(Software { driver, cuda })
}

fn read_gpu(device: &Device<'_>) -> Result<Gpu, NvmlError> {
    Ok(Gpu {
        uuid: device.uuid()?,
        model: model_of(&device.name()?).to_owned(),
        vram_mib: mib(device.memory_info()?.total),
        slice: None,
        pcie: Some(Pcie {
            address: device.pci_info()?.bus_id,
            generation: told(device.max_pcie_link_gen())?,
            width: told(device.max_pcie_link_width())?,
        }),
        minor: told(device.minor_number())?,
        is_gone: false,
    })
}

/// `None` for a GPU that is whole.
fn slices(device: &Device<'_>, whole: &Gpu) -> Result<Option<Vec<Gpu>>, NvmlError> {
    const ON: u32 = 1;
    if told(device.mig_mode())?.is_none_or(|mode| mode.current != ON) {
        return Ok(None);
    }
    let mut slices = Vec::new();
    for index in 0..device.mig_device_count()? {
        let slice = match device.mig_device_by_index(index) {
            Ok(slice) => slice,
            Err(NvmlError::NotFound) => continue,
            Err(error) => return Err(error),
        };
        let profile = slice.name()?.split_once(SLICE).map_or_else(String::new, |(_, profile)| profile.to_owned());
        slices.push(Gpu {
            uuid: slice.uuid()?,
            vram_mib: mib(slice.memory_info()?.total),
            slice: Some(Slice { of: whole.uuid.clone(), profile }),
            ..whole.clone()
        });
    }
    Ok(Some(slices))
}

fn mib(bytes: u64) -> u32 {
    u32::try_from(bytes / 1_048_576).unwrap_or(u32::MAX)
}
