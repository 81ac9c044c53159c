//! Prints how good the core's placements are, as a section of `docs/benchmarks.md`: `cargo bench --bench quality`.

mod checks;
mod chooser;
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
    // `cargo test --benches` wants to see that what is measured is sound.
    if std::env::args().any(|argument| argument == "--test") {
        return checks::run();
    }
    if std::env::var_os(recorded::WRITE).is_some() {
        recorded::write();
    }
    let all = match std::env::var_os("FRESH").and_then(|seed| seed.to_str()?.parse().ok()) {
        Some(seed) => recorded::generated(seed),
        None => recorded::read(),
    };
    whole::section(&all);
    let ratios = samples::section(&all);
    figures::section(&ratios);
}
