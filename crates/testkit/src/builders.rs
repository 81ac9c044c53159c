//! Sane defaults; tests change the one field they are about.

use millrace_protocol::{
    BasisPoints, GpuUnits, Hardware, JobTerms, MicroUsdc, Parameters, Payment, PricePerGpuHour, Requirements, Seconds,
    ServiceLevel, Verification, gpu, region,
};

/// Whole USDC.
pub const fn usdc(whole: u64) -> MicroUsdc {
    MicroUsdc(whole * 1_000_000)
}

/// The defaults, with a bond small enough that stakes stay readable: 1 hour, at least 1 USDC.
pub fn parameters() -> Parameters {
    Parameters { bond_hours: 1, fee: BasisPoints(500), ..Parameters::default() }
}

/// Two RTX 4090 in Germany, and they exist.
pub fn hardware() -> Hardware {
    Hardware {
        gpu_class: gpu::class("rtx-4090").unwrap(),
        gpu_count: 2,
        vram_mib: 24_576,
        cpu_cores: 16,
        memory_mib: 65_536,
        disk_mib: 512_000,
        region: region::region("europe-central").unwrap(),
        country: *b"DE",
        simulated: false,
    }
}

/// One GPU for up to an hour at up to 3.60 USDC (1000 micro-USDC per second), on two nodes at once,
/// for a deposit of 10 USDC and one retry.
pub fn terms() -> JobTerms {
    JobTerms {
        requirements: Requirements {
            gpu_classes: 0,
            vram_mib: 0,
            units: GpuUnits(1),
            regions: 0,
            accept_simulated: false,
        },
        maximum_price: PricePerGpuHour(3_600_000),
        concurrent_leases: 2,
        lease_seconds: Seconds(3_600),
        start_window: Seconds(600),
        retries: 1,
        deposit: usdc(10),
        spot: false,
        service_level: ServiceLevel::None,
        payment: Payment::Streaming,
        verification: Verification::Attested,
        dispute_window: Seconds::ZERO,
    }
}
