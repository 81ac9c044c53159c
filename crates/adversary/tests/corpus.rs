//! Every life that the fuzzer found worth keeping, lived again without it.

use std::collections::BTreeMap;
use std::path::Path;

use millrace_adversary::{INSTRUCTIONS, Life};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/instructions");
/// Founding the network again never goes through.
const NEVER: &str = "initialize";

#[test]
fn the_rules_hold_through_every_life_of_the_corpus_and_every_instruction_goes_through_in_one() {
    let mut went_through = BTreeMap::<_, usize>::new();
    for entry in Path::new(CORPUS).read_dir().unwrap() {
        let path = entry.unwrap().path();
        // What a failure is about; the captured output of a passing test is dropped.
        println!("{}", path.display());
        let Ok(life) = Life::from_bytes(&std::fs::read(&path).unwrap()) else { continue };
        for (name, times) in life.live() {
            *went_through.entry(name).or_default() += times;
        }
    }
    println!("{went_through:#?}");
    // A corpus of refusals would show nothing: where this fails, the format of lives has changed.
    let missing: Vec<_> =
        INSTRUCTIONS.iter().map(|(name, _)| *name).filter(|name| !went_through.contains_key(name)).collect();
    assert_eq!(missing, [NEVER], "some instructions never go through");
}
