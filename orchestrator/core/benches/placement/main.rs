//! Prints what a placement costs, as a section of `docs/benchmarks.md`: `cargo bench --bench placement`.

mod committed;
mod dice;
mod field;
mod full;
mod gangs;
mod heartbeats;
mod index;
mod regression;
mod stopwatch;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that are allocated now, as asked for.
fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

fn main() {
    // `cargo bench` says so; `cargo test --benches` only wants to see that it runs.
    if !std::env::args().any(|argument| argument == "--bench") {
        index::measure(200, 500);
        full::measure(200, 500, full::Taste::Few);
        gangs::measure(200, 10);
        heartbeats::measure(20, 5);
        return;
    }
    println!("## What a placement costs\n");
    println!(
        "Optimised build (profile `bench`), processor time of one core, simulated market: 40 classes of rigs (20 GPU models, small and \
         large), in 60 places (12 regions of 5 countries), one provider for ten nodes, 4 of 100 images on each. Tasks \
         ask for one of 2000 mixes of models, VRAM, 1 to 8 GPUs, regions, countries, price, spot, service level, CPU, \
         memory, disk and image. Seed {:#x}.\n",
        field::SEED
    );
    let [small, middle, large] = index::section();
    let [few, any] = full::section();
    gangs::section();
    let heartbeat = heartbeats::section();
    let figures = [
        ("decision among 1 000 nodes", small),
        ("decision among 10 000 nodes", middle),
        ("decision among 50 000 nodes", large),
        ("offer of the core, few mixes a buyer", few),
        ("offer of the core, any mix", any),
        ("heartbeat", heartbeat),
    ];
    regression::section(&figures);
}
