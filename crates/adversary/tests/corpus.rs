//! Every life that the fuzzer found worth keeping, lived again without it.

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use millrace_adversary::{INSTRUCTIONS, Life};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/instructions");
/// Founding the network again never goes through.
const NEVER: &str = "initialize";

#[test]
fn the_rules_hold_through_every_life_of_the_corpus_and_every_instruction_goes_through_in_one() {
    let lives: Vec<_> = Path::new(CORPUS).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    let n_threads = thread::available_parallelism().map_or(1, usize::from);
    let went_through = thread::scope(|scope| {
        let parts: Vec<_> =
            lives.chunks(lives.len().div_ceil(n_threads)).map(|part| scope.spawn(|| live(part))).collect();
        let counts = parts.into_iter().flat_map(|part| part.join().expect("a rule is broken"));
        counts.fold(BTreeMap::<_, usize>::new(), |mut all, (name, times)| {
            *all.entry(name).or_default() += times;
            all
        })
    });
    println!("{went_through:#?}");
    // A corpus of refusals would show nothing: where this fails, the format of lives has changed.
    let missing: Vec<_> =
        INSTRUCTIONS.iter().map(|(name, _)| *name).filter(|name| !went_through.contains_key(name)).collect();
    assert_eq!(missing, [NEVER], "some instructions never go through");
}

fn live(part: &[PathBuf]) -> Vec<(&'static str, usize)> {
    let mut went_through = Vec::new();
    for path in part {
        let Ok(life) = Life::from_bytes(&std::fs::read(path).unwrap()) else { continue };
        let lived = catch_unwind(|| life.live());
        went_through.extend(lived.unwrap_or_else(|_| panic!("a rule is broken in {}", path.display())));
    }
    went_through
}
