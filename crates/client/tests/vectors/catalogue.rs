use std::fmt::Debug;

use millrace_protocol::{JobState, LeaseOutcome, LeaseState, gpu, region, voucher::ExitClass};
use serde_json::{Value, json};

use crate::check;

/// Names of numbers that stand in accounts and events, in the order of their numbers.
fn names<T: Debug>(read: impl Fn(u8) -> Option<T>) -> Vec<String> {
    (0..).map_while(read).map(|value| kebab(&format!("{value:?}"))).collect()
}

fn kebab(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

fn outcome(number: u8) -> Option<LeaseOutcome> {
    use LeaseOutcome::*;
    [Completed, Failed, Released, NodeFault, Abandoned, Lost, TimedOut].into_iter().find(|found| *found as u8 == number)
}

#[test]
fn names_of_numbers() {
    let all: Value = json!({
        "gpuModels": gpu::CLASSES,
        "regions": region::REGIONS,
        "jobStates": names(|number| JobState::try_from(number).ok()),
        "leaseStates": names(|number| LeaseState::try_from(number).ok()),
        "leaseOutcomes": names(outcome),
        "exitClasses": names(|number| ExitClass::try_from(number).ok()),
    });
    check("app/client/catalogue.json", &all);
}
