//! What must hold before any figure means something: `cargo test --bench quality`.

use crate::dice::Dice;
use crate::milp;
use crate::optimum::{Aim, Knowledge, optimum};
use crate::policy::Policy;
use crate::recorded::{self, Recorded};
use crate::shape::Shape;
use crate::value::{Value, broken};

const TINY: u64 = 25;

/// Another solver finds the same optimum of another formulation.
fn the_search_agrees_with_a_program() {
    let mut dice = Dice(7);
    for _ in 0..TINY {
        let shape = milp::tiny(&mut dice);
        let run = Policy::FirstFit.live(&shape, 0);
        let found = optimum(&shape, Aim::Delay, &Knowledge::All, &run.stints).expect("tiny");
        assert_eq!(broken(&shape, &found.stints), None);
        let value = Value::of(&shape, &found.stints);
        assert_eq!((value.delay / 3_600, value.cost), milp::least(&shape), "{}", shape.text());
    }
}

/// The ledger on chain says what the schedule costs, but for what is rounded off at each settlement.
fn what_is_paid_is_what_the_schedule_costs(shape: &Shape) {
    let run = Policy::Scheduler.live(shape, 0);
    let cost = Value::of(shape, &run.stints).cost;
    assert!(run.paid.abs_diff(cost) <= cost / 1_000, "{} paid for {cost}", run.paid);
}

fn files_say_what_the_generator_made() {
    for (read, made) in recorded::read().iter().zip(&recorded::generated(recorded::SEED)) {
        assert_eq!((&read.whole, &read.samples), (&made.whole, &made.samples), "{}", read.name);
    }
}

/// Who knows less does no better, and nobody who keeps the rules beats the optimum.
fn knowledge_is_no_disadvantage(shape: &Shape) {
    let run = Policy::Scheduler.live(shape, 0);
    let delay = |knowledge: &Knowledge| {
        let found = optimum(shape, Aim::Delay, knowledge, &run.stints)?;
        assert_eq!(broken(shape, &found.stints), None);
        Some(Value::of(shape, &found.stints).delay)
    };
    let (Some(all), Some(less)) = (delay(&Knowledge::All), delay(&Knowledge::AsItComes(run.stints.clone()))) else {
        return;
    };
    let others = Policy::ALL.map(|policy| Value::of(shape, &policy.live(shape, 0).stints).delay);
    assert!(all <= less && others.iter().all(|other| all <= *other), "{all} of all, {less}, {others:?}");
}

pub fn run() {
    files_say_what_the_generator_made();
    the_search_agrees_with_a_program();
    for Recorded { samples, .. } in &recorded::read() {
        what_is_paid_is_what_the_schedule_costs(&samples[0][0]);
        samples[1].iter().take(3).for_each(knowledge_is_no_disadvantage);
    }
}
