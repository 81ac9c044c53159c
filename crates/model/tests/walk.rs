//! Random lives of the whole market over the pure rules: 200 000 steps, and after each of them the rules
//! that hold always.
//!
//! A failure prints the shortest walk that still fails, and the `PROPTEST_RNG_SEED` that finds it again.
//! Without one each run looks elsewhere; `./dev test` sets 1. `MILLRACE_WALKS` sets how many walks there
//! are, to look longer.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

use millrace_model::{Action, Market, Step, quick, step};
use millrace_protocol::{LeaseOutcome, UnixSeconds};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

const STEPS: usize = 500;
const WALKS: u32 = 700;

/// Which steps were carried out, and how often: a walk that is always refused shows nothing.
type Tally = BTreeMap<String, (u32, u32)>;

fn walks() -> u32 {
    std::env::var("MILLRACE_WALKS").ok().and_then(|walks| walks.parse().ok()).unwrap_or(WALKS)
}

fn name(step: Step) -> String {
    let text = format!("{step:?}");
    text.split([' ', '(']).next().unwrap_or_default().to_owned()
}

fn crank(market: &mut Market, action: Action) {
    let _ = market.act(action);
    market.check();
}

fn take(market: &mut Market, step: Step, tally: &mut Tally) {
    let Some(action) = market.resolve(step) else { return };
    let before = market.clone();
    let result = market.act(action);
    match result {
        Ok(done) => {
            tally.entry(name(step)).or_default().0 += 1;
            if let Some(outcome) = done.movements.ended.filter(|_| done.movements.settled) {
                tally.entry(format!("as {outcome:?}")).or_default().0 += 1;
            }
            market.check();
            market.check_isolation(&before, action);
            if action.happens_once() {
                let after = market.clone();
                assert!(market.act(action).is_err(), "{action:?} happened twice");
                assert!(*market == after, "{action:?} was refused the second time and changed something");
            }
        }
        Err(refusal) => {
            tally.entry(name(step)).or_default().1 += 1;
            assert!(*market == before, "{action:?} was refused with {refusal:?} and changed something");
        }
    }
}

#[test]
fn the_rules_hold_after_each_of_two_hundred_thousand_steps() {
    let seed = match ProptestConfig::default().rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one(()),
    };
    let config = ProptestConfig {
        cases: walks(),
        max_shrink_iters: 20_000,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let tally = Mutex::new(Tally::new());
    // Shrinking fails thousands of times on purpose; only the last word counts.
    std::panic::set_hook(Box::new(|_| {}));
    let all = TestRunner::new(config).run(&prop::collection::vec(step(), STEPS), |steps| {
        let mut market = Market::new(quick(), UnixSeconds(1_800_000_000));
        let mut counts = Tally::new();
        for (number, step) in steps.iter().enumerate() {
            take(&mut market, *step, &mut counts);
            if number % 100 == 99 {
                market.clone().everything_comes_out(crank);
            }
        }
        market.everything_comes_out(crank);
        let mut tally = tally.lock().unwrap();
        for (name, (done, refused)) in counts {
            let sum = tally.entry(name).or_default();
            *sum = (sum.0 + done, sum.1 + refused);
        }
        Ok(())
    });
    drop(std::panic::take_hook());
    if let Err(failure) = all {
        panic!("{failure}\nagain: PROPTEST_RNG_SEED={seed}");
    }
    let tally = tally.into_inner().unwrap();
    for (name, (done, refused)) in &tally {
        println!("{name:>16}: {done:>6} done, {refused:>6} refused");
    }
    let actions: u32 = tally.iter().filter(|(name, _)| !name.starts_with("as ")).map(|(_, sum)| sum.0 + sum.1).sum();
    println!("{actions} actions");
    if walks() >= WALKS {
        // A step that is about nothing there is does not count.
        assert!(actions >= 200_000, "{actions} actions");
        let never = |name: &str| name == "Replay" || name == "Divert";
        let missing: Vec<_> = tally.iter().filter(|(name, (done, _))| (*done == 0) != never(name)).collect();
        assert!(missing.is_empty(), "never carried out, or carried out against the rules: {missing:?}");
        let outcomes = tally.keys().filter(|name| name.starts_with("as ")).count();
        assert_eq!(outcomes, LeaseOutcome::ALL.len(), "a lease never ended in one of the ways it can");
    }
}
