use std::fmt::Debug;

use millrace_protocol::{
    HardwareClass, JobState, LeaseOutcome, LeaseState, NodeStatus, Payment, ProviderStatus, Ruling, ServiceLevel, gpu,
    region, voucher::ExitClass,
};
use millrace_spec::JobSpec;
use serde_json::{Value, json};

use crate::check;

/// Names of numbers that stand in accounts and events, in the order of their numbers.
fn names<T: TryFrom<u8> + Debug>() -> Vec<String> {
    (0..).map_while(|number| T::try_from(number).ok()).map(|value| kebab(&format!("{value:?}"))).collect()
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

#[test]
fn names_of_numbers_and_limits() {
    let all: Value = json!({
        "exitClasses": names::<ExitClass>(),
        "gpuModels": gpu::CLASSES,
        "hardwareClasses": names::<HardwareClass>(),
        "jobStates": names::<JobState>(),
        "leaseOutcomes": names::<LeaseOutcome>(),
        "leaseStates": names::<LeaseState>(),
        "longestSpec": JobSpec::LONGEST,
        "nodeStates": names::<NodeStatus>(),
        "payments": names::<Payment>(),
        "providerStates": names::<ProviderStatus>(),
        "regions": region::REGIONS,
        "rulings": names::<Ruling>(),
        "serviceLevels": names::<ServiceLevel>(),
        "verifications": ["attested", "spot-check", "quorum", "attested-hardware"],
    });
    check("app/client/catalogue.json", &all);
}
