//! Figures as ratios to a loop that is measured in the same run, beside the committed ones: a slower machine
//! is slower at both.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::hint::black_box;

use crate::field::{self, Dice};
use crate::stopwatch::Stopwatch;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/placement/figures.tsv");
/// Rewrites the file where it is set.
const WRITE: &str = "MILLRACE_WRITE_FIGURES";
const KEYS: u64 = 100_000;
/// What is reported, as a share of the committed ratio.
const TOLERANCE: f64 = 0.10;

/// Microseconds of the best of five runs: a hundred thousand addresses into an ordered map, and each found
/// again. Like the scheduler, it compares addresses and waits for memory.
pub fn calibration() -> f64 {
    let mut runs = Stopwatch::default();
    for _ in 0..5 {
        runs.time(|| {
            let mut dice = Dice(field::SEED);
            let mut map = BTreeMap::new();
            for number in 0..KEYS {
                map.insert(field::address(b'C', dice.roll(KEYS)), number);
            }
            let found = (0..KEYS).filter(|number| map.contains_key(&field::address(b'C', *number))).count();
            black_box(found)
        });
    }
    runs.quantile(0)
}

/// Prints how each figure, in microseconds, stands to the committed one.
pub fn section(calibration: f64, figures: &[(&str, f64)]) {
    let known = fs::read_to_string(FILE).unwrap_or_default();
    let known: BTreeMap<&str, f64> = known
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(name, ratio)| Some((name, ratio.parse().ok()?)))
        .collect();
    println!("### Against the committed figures\n");
    println!(
        "Each as a share of a loop over {KEYS} addresses that took {:.1} ms in this run; committed in \
         `orchestrator/core/benches/placement/figures.tsv`, rewritten with `{WRITE}=1`.\n",
        calibration / 1_000.0
    );
    println!("| figure | committed | now | |\n|---|--:|--:|---|");
    let mut file = String::new();
    for (name, figure) in figures {
        let ratio = figure * 1e6 / calibration;
        writeln!(file, "{name}\t{ratio:.1}").expect("text has room");
        let before = known.get(name);
        let verdict = match before {
            Some(before) if ratio > before * (1.0 + TOLERANCE) => {
                let verdict = format!("**{:.0} % slower**", (ratio / before - 1.0) * 100.0);
                eprintln!("regression: {name} is {verdict}");
                verdict
            }
            Some(_) => "as before or faster".to_owned(),
            None => "new".to_owned(),
        };
        let before = before.map_or_else(String::new, |before| format!("{before:.1} ppm"));
        println!("| {name} | {before} | {ratio:.1} ppm | {verdict} |");
    }
    println!();
    if std::env::var_os(WRITE).is_some() {
        fs::write(FILE, file).expect("the checkout can be written");
    }
}
