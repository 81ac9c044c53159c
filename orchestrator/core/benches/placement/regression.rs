//! Figures as shares of a loop that is measured right before and after each of them, beside the committed ones: a slower
//! machine is slower at both, and one that others use is so for a while only.

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
fn calibration() -> f64 {
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

/// A figure in microseconds, and what the loop took around its measurement.
#[derive(Clone, Copy, Debug)]
pub struct Calibrated {
    pub micros: f64,
    pub around: [f64; 2],
}

impl Calibrated {
    fn share(&self) -> f64 {
        self.micros * 2.0 / (self.around[0] + self.around[1])
    }
}

/// Measures, and the loop before and after.
pub fn calibrated<T>(measure: impl FnOnce() -> T) -> (T, [f64; 2]) {
    let before = calibration();
    let measured = measure();
    (measured, [before, calibration()])
}

/// Prints how each figure stands to the committed one.
pub fn section(figures: &[(&str, Calibrated)]) {
    let around = || figures.iter().flat_map(|(_, figure)| figure.around);
    let (least, most) = (around().fold(f64::INFINITY, f64::min), around().fold(0.0, f64::max));
    println!("### Against the committed figures\n");
    println!(
        "Each as a share of a loop over {KEYS} addresses right before and after it, which took {:.1} to {:.1} ms in \
         this run; committed in `orchestrator/core/{}`, rewritten with `{WRITE}=1`.\n",
        least / 1_000.0,
        most / 1_000.0,
        COMMITTED.file
    );
    COMMITTED.compare(figures.iter().map(|(name, figure)| (*name, figure.share() * 1e6)));
}
