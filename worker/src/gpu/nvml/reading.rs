use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{EccCounter, MemoryError, TemperatureSensor, TemperatureThreshold};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::told;
use crate::gpu::{Gpu, Memory, Reading};

pub(super) fn read(nvml: &Nvml, gpu: &Gpu) -> Result<Reading, NvmlError> {
    let device = nvml.device_by_uuid(gpu.uuid.as_str())?;
    // Of a slice only its memory is its own; the rest is the whole GPU's.
    let whole = match &gpu.slice {
        Some(slice) => nvml.device_by_uuid(slice.of.as_str())?,
        None => nvml.device_by_uuid(gpu.uuid.as_str())?,
    };
    // Asked first, and of every GPU: one that is lost has no answer to this.
    let memory = device.memory_info()?;
    let reasons = told(whole.current_throttle_reasons())?.unwrap_or(ThrottleReasons::empty());
    let utilisation = told(whole.utilization_rates())?;
    Ok(Reading {
        memory: Memory { used_mib: memory.used / 1_048_576, total_mib: memory.total / 1_048_576 },
        busy_percent: utilisation.as_ref().map(|rates| rates.gpu),
        memory_busy_percent: utilisation.map(|rates| rates.memory),
        milliwatts: told(whole.power_usage())?,
        millijoules: told(whole.total_energy_consumption())?,
        celsius: told(whole.temperature(TemperatureSensor::Gpu))?,
        slows_at_celsius: told(whole.temperature_threshold(TemperatureThreshold::Slowdown))?,
        too_hot: reasons.intersects(ThrottleReasons::HW_THERMAL_SLOWDOWN | ThrottleReasons::SW_THERMAL_SLOWDOWN),
        power_braked: reasons.contains(ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN),
        corrected_errors: errors(&whole, MemoryError::Corrected)?,
        uncorrected_errors: errors(&whole, MemoryError::Uncorrected)?,
    })
}

/// Since the driver was loaded; `None` without ECC.
fn errors(device: &Device<'_>, kind: MemoryError) -> Result<Option<u64>, NvmlError> {
    told(device.total_ecc_errors(kind, EccCounter::Volatile))
}
