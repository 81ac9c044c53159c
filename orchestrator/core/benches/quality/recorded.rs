//! The three shapes and their samples as files.

use std::fs;

use crate::dice::Dice;
use crate::generate;
use crate::shape::Shape;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/quality/recorded");
/// Makes the files anew where it is set.
pub const WRITE: &str = "MILLRACE_WRITE_SHAPES";
pub const SEED: u64 = 1;
const SAMPLES: usize = 50;
/// Measures shapes made from this other seed, where it is set: what is true of the committed ones only is no
/// quality.
const FRESH: &str = "MILLRACE_FRESH_SHAPES";
/// Pieces of a sample, by shape: what the search can exhaust.
const PIECES: [usize; 3] = [9, 8, 8];
const RIGS: usize = 4;

/// A workload, whole and in samples that are as crowded as it is, and twice as crowded.
pub struct Recorded {
    pub name: &'static str,
    pub whole: Shape,
    pub samples: [Vec<Shape>; 2],
}

pub const NAMES: [&str; 3] = ["bursty batch", "services with churn", "mixed gangs"];

/// From a seed. The committed ones are of [`SEED`].
pub fn generated(seed: u64) -> [Recorded; 3] {
    let makers: [fn(&mut Dice) -> Shape; 3] =
        [|dice| generate::bursty(dice, 600), |dice| generate::services(dice, 150), |dice| generate::gangs(dice, 600)];
    [0, 1, 2].map(|at| {
        let mut dice = Dice(seed ^ (at as u64) << 32);
        let whole = makers[at](&mut dice);
        let samples = [1, 2].map(|crowd| {
            (0..SAMPLES).map(|_| generate::sample(&mut dice, &whole, (RIGS, PIECES[at]), crowd)).collect()
        });
        Recorded { name: NAMES[at], whole, samples }
    })
}

fn file(name: &str, part: &str) -> String {
    format!("{FOLDER}/{}-{part}.tsv", name.replace(' ', "-"))
}

const PARTS: [&str; 2] = ["samples", "crowded-samples"];

pub fn write() {
    fs::create_dir_all(FOLDER).expect("the checkout can be written");
    for recorded in generated(SEED) {
        fs::write(file(recorded.name, "whole"), recorded.whole.text()).expect("the checkout can be written");
        for (part, samples) in PARTS.iter().zip(&recorded.samples) {
            let texts: Vec<String> = samples.iter().map(Shape::text).collect();
            fs::write(file(recorded.name, part), texts.join("# next\n")).expect("the checkout can be written");
        }
    }
}

/// What is committed, unless others are asked for.
pub fn asked_for() -> [Recorded; 3] {
    let fresh = std::env::var_os(FRESH).and_then(|seed| seed.to_str()?.parse().ok());
    fresh.map_or_else(read, generated)
}

/// What is committed.
pub fn read() -> [Recorded; 3] {
    NAMES.map(|name| {
        let text = |part: &str| fs::read_to_string(file(name, part)).expect("the recorded shapes are committed");
        let shape = |text: &str| Shape::parse(text).expect("a shape as it was written");
        let samples = PARTS.map(|part| text(part).split("# next\n").map(shape).collect());
        Recorded { name, whole: shape(&text("whole")), samples }
    })
}
