use millrace_protocol::{Hardware, gpu};

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

fn model(hardware: &Hardware) -> String {
    gpu::slug(hardware.gpu_class).unwrap_or("unknown GPU").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
