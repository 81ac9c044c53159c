use millrace_protocol::{
    Hardware, HardwareAttestation, HardwareClass, PricePerGpuHour, ServiceLevel, UnixSeconds, gpu,
};
use millrace_spec::Version;

use super::duration::in_time;

/// `2 x rtx-4090 (simulated)`, or `CPU only`. Simulated hardware never goes without the word.
pub fn hardware(hardware: &Hardware) -> String {
    let mut text = match hardware.gpu_count {
        0 => "CPU only".to_owned(),
        1 => model(hardware),
        n => format!("{n} x {}", model(hardware)),
    };
    if hardware.simulated {
        text.push_str(" (simulated)");
    }
    text
}

/// `0.400000 USDC/GPU-hour, spot 0.200000 USDC/GPU-hour, service level gold`: what a node does not offer is
/// left out.
pub fn prices(price: PricePerGpuHour, spot: PricePerGpuHour, level: ServiceLevel) -> String {
    let spot = (spot > PricePerGpuHour::ZERO).then(|| format!("spot {spot}"));
    let level = (level > ServiceLevel::None).then(|| format!("service level {}", service_level(level)));
    [Some(price.to_string()), spot, level].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `challenged, ends in 12h`: what the network has seen of the hardware, as long as that counts.
pub fn attestation(attestation: &HardwareAttestation, at: UnixSeconds) -> String {
    let class = match attestation.class {
        class if !attestation.shows(class, at) => return "no".to_owned(),
        HardwareClass::Claimed => return "no".to_owned(),
        HardwareClass::Challenged => "challenged",
        HardwareClass::Enclave => "enclave",
    };
    format!("{class}, ends {}", in_time(attestation.expires_at, at))
}

/// `silver`.
pub fn service_level(level: ServiceLevel) -> String {
    match level {
        ServiceLevel::None => "none",
        ServiceLevel::Silver => "silver",
        ServiceLevel::Gold => "gold",
    }
    .to_owned()
}

/// `570.86`; the numbers are those of [`crate::args::parse_version`].
pub fn version(number: u32) -> String {
    match Version(number) {
        Version::NONE => "none".to_owned(),
        version => version.to_string(),
    }
}

fn model(hardware: &Hardware) -> String {
    gpu::slug(hardware.gpu_class).unwrap_or("unknown GPU").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attestation_is_shown_as_long_as_it_counts() {
        let shown = |class| HardwareAttestation { class, expires_at: UnixSeconds(7_200) };
        let challenged = shown(HardwareClass::Challenged);
        assert_eq!(attestation(&challenged, UnixSeconds(0)), "challenged, ends in 2h");
        assert_eq!(attestation(&challenged, UnixSeconds(7_199)), "challenged, ends in 1s");
        assert_eq!(attestation(&challenged, UnixSeconds(7_200)), "no");
        assert_eq!(attestation(&shown(HardwareClass::Enclave), UnixSeconds(0)), "enclave, ends in 2h");
        assert_eq!(attestation(&HardwareAttestation::default(), UnixSeconds(0)), "no");
    }

    #[test]
    fn only_what_is_offered_is_named() {
        let (dear, cheap) = (PricePerGpuHour(400_000), PricePerGpuHour(200_000));
        assert_eq!(prices(dear, PricePerGpuHour::ZERO, ServiceLevel::None), "0.400000 USDC/GPU-hour");
        assert_eq!(
            prices(dear, cheap, ServiceLevel::Gold),
            "0.400000 USDC/GPU-hour, spot 0.200000 USDC/GPU-hour, service level gold"
        );
    }

    #[test]
    fn simulated_hardware_says_so() {
        let real = Hardware {
            gpu_class: 8,
            gpu_count: 2,
            vram_mib: 24_576,
            cpu_cores: 16,
            memory_mib: 65_536,
            disk_mib: 512_000,
            region: 4,
            country: *b"DE",
            simulated: false,
        };
        assert_eq!(hardware(&real), "2 x rtx-4090");
        assert_eq!(hardware(&Hardware { gpu_count: 1, simulated: true, ..real }), "rtx-4090 (simulated)");
        let none = Hardware { gpu_class: 0, gpu_count: 0, vram_mib: 0, simulated: true, ..real };
        assert_eq!(hardware(&none), "CPU only (simulated)");
    }

    #[test]
    fn versions_read_as_they_are_written() {
        for text in ["570.86", "12.8"] {
            assert_eq!(version(crate::args::parse_version(text).unwrap()), text);
        }
        assert_eq!(version(0), "none");
    }
}
