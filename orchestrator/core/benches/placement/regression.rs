//! Figures as ratios to a loop that is measured in the same run, beside the committed ones: a slower machine
//! is slower at both.

use std::collections::BTreeMap;
use std::hint::black_box;

use crate::committed::{Committed, WRITE};
use crate::field::{self, Dice};
use crate::stopwatch::Stopwatch;

const COMMITTED: Committed =
    Committed { file: "benches/placement/figures.tsv", decimals: 1, unit: " ppm", words: ["slower", "faster"] };
const KEYS: u64 = 100_000;

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
    println!("### Against the committed figures\n");
    println!(
        "Each as a share of a loop over {KEYS} addresses that took {:.1} ms in this run; committed in \
         `orchestrator/core/{}`, rewritten with `{WRITE}=1`.\n",
        calibration / 1_000.0,
        COMMITTED.file
    );
    COMMITTED.compare(figures.iter().map(|(name, figure)| (*name, figure * 1e6 / calibration)));
}
