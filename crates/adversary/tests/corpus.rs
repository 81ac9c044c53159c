//! Every life that the fuzzer found worth keeping, lived again without it.

use std::collections::HashSet;
use std::path::Path;

use millrace_adversary::Life;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/instructions");
/// Deeds that can go through: all but founding the network again, and waiting, which is not sent.
const KINDS: usize = 11;

#[test]
fn the_rules_hold_through_every_life_of_the_corpus() {
    let mut went_through = HashSet::new();
    for entry in Path::new(CORPUS).read_dir().unwrap() {
        let path = entry.unwrap().path();
        // What a failure is about; the captured output of a passing test is dropped.
        println!("{}", path.display());
        let Ok(life) = Life::from_bytes(&std::fs::read(&path).unwrap()) else { continue };
        went_through.extend(life.live());
    }
    // A corpus of refusals alone would show nothing: the format of lives has changed, and it is stale.
    assert!(went_through.len() >= KINDS, "of {KINDS} kinds of deeds {} went through", went_through.len());
}
