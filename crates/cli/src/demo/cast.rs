use millrace_protocol::{MicroUsdc, PricePerGpuHour};

use crate::stage::rig::Rig;

/// The demo's providers: three rigs of different models, places and prices.
pub const CAST: [Rig; 3] = [
    Rig {
        provider_name: "Alder Compute",
        gpu: "rtx-4090",
        vram_mib: 24_576,
        price: PricePerGpuHour(420_000),
        region: "europe-central",
        country: *b"DE",
        stake: MicroUsdc(50_000_000),
    },
    Rig {
        provider_name: "Birch Labs",
        gpu: "rtx-3090",
        vram_mib: 24_576,
        price: PricePerGpuHour(240_000),
        region: "europe-north",
        country: *b"SE",
        stake: MicroUsdc(30_000_000),
    },
    Rig {
        provider_name: "Cedar Farm",
        gpu: "l40s",
        vram_mib: 49_152,
        price: PricePerGpuHour(880_000),
        region: "north-america-east",
        country: *b"CA",
        stake: MicroUsdc(80_000_000),
    },
];
