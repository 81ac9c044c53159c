//! Random lives of the whole market, on the chain and in the model at once: whatever is sent, in whatever
//! order and at whatever time, the chain does what the pure rules say, to the micro-USDC.
//!
//! 40 000 steps, more than 20 000 of them about something that is there, of the walks whose 200 000 are in
//! `crates/model`. A failure prints the shortest walk found
//! that still fails, and the `PROPTEST_RNG_SEED` that finds it again.

mod calls;
mod follower;

use std::hash::{BuildHasher, RandomState};

use millrace_model::step;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use follower::Follower;

const STEPS: usize = 500;
const WALKS: u32 = 20;

/// Each part of its own: tests run side by side.
fn walk(part: u64) {
    let seed = match ProptestConfig::default().rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one(()),
    };
    let config = ProptestConfig {
        cases: WALKS,
        max_shrink_iters: 200,
        rng_seed: RngSeed::Fixed(seed.wrapping_add(part << 32)),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let all = TestRunner::new(config).run(&prop::collection::vec(step(), STEPS), |steps| {
        let mut follower = Follower::new();
        for step in steps {
            follower.take(step);
        }
        follower.everything_comes_out();
        Ok(())
    });
    if let Err(failure) = all {
        panic!("{failure}\nagain: PROPTEST_RNG_SEED={seed}");
    }
}

#[test]
fn the_chain_follows_the_rules_in_the_first_quarter_of_the_walks() {
    walk(0);
}

#[test]
fn the_chain_follows_the_rules_in_the_second_quarter_of_the_walks() {
    walk(1);
}

#[test]
fn the_chain_follows_the_rules_in_the_third_quarter_of_the_walks() {
    walk(2);
}

#[test]
fn the_chain_follows_the_rules_in_the_fourth_quarter_of_the_walks() {
    walk(3);
}
