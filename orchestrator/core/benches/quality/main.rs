//! Prints how good the core's placements are, as a section of `docs/benchmarks.md`: `cargo bench --bench quality`.

mod checks;
mod chooser;
#[path = "../placement/committed.rs"]
mod committed;
#[path = "../placement/dice.rs"]
mod dice;
mod figures;
mod generate;
mod milp;
mod optimum;
mod policy;
mod recorded;
mod samples;
mod shape;
mod value;
mod whole;
mod world;

fn main() {
    // `cargo bench` says so; `cargo test --benches` wants to see that what is measured is sound.
    if !std::env::args().any(|argument| argument == "--bench") {
        return checks::run();
    }
    if std::env::var_os(recorded::WRITE).is_some() {
        recorded::write();
    }
    let all = recorded::asked_for();
    println!("## How good placements are\n");
    println!(
        "The core as it is, events in and offers out, in a simulated world in virtual time: the chain is the pure \
         rules and executes at once, workers are honest, containers start when they are asked to. So what is left of \
         waiting and of cost is the core's choice. **The workloads are synthetic**: a seeded generator made them \
         (`orchestrator/core/benches/quality/generate.rs`) and they are committed beside it; sizes, run times and bursts \
         are of the kind that studies of GPU clusters report (Jeon et al., ATC '19; Weng et al., NSDI '22), the \
         numbers are ours. How long a task lasts is the same on every rig that the buyer accepts, and the core does \
         not know it. Baselines: the first node that fits, in the order of the market, and any node that fits, at \
         random; all else is the core's, the order of jobs, the rules and the nodes of gangs included.\n"
    );
    whole::section(&all);
    let ratios = samples::section(&all);
    figures::section(&ratios);
}
