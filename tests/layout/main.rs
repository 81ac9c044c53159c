//! Who may import whom, held over `cargo metadata`. ARCHITECTURE.md says why.

mod threats;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Our packages and the packages of ours each may use, apart from tests.
const MAY_USE: &[(&str, &[&str])] = &[
    ("millrace-protocol", &[]),
    ("millrace-spec", &["millrace-protocol"]),
    ("millrace-scheduler", &["millrace-protocol", "millrace-spec"]),
    ("millrace-agent", &["millrace-protocol", "millrace-spec"]),
    ("millrace-challenge", &["millrace-protocol"]),
    ("millrace-cuda", &["millrace-protocol", "millrace-challenge"]),
    ("millrace-program", &["millrace-protocol"]),
    ("millrace-model", &["millrace-protocol"]),
    ("millrace-client", &["millrace-protocol", "millrace-program", "millrace-seal"]),
    ("millrace-link", &["millrace-protocol", "millrace-spec"]),
    ("millrace-localnet", &["millrace-protocol"]),
    ("millrace-metrics", &[]),
    ("millrace-seal", &["millrace-protocol", "millrace-spec"]),
    (
        "millrace-orchestrator",
        &[
            "millrace-protocol",
            "millrace-spec",
            "millrace-scheduler",
            "millrace-challenge",
            "millrace-client",
            "millrace-link",
            "millrace-metrics",
        ],
    ),
    // What a buyer's own program needs.
    ("millrace-examples", &["millrace-protocol", "millrace-spec", "millrace-client"]),
    // The real cores in a simulated world.
    ("millrace-sim", &["millrace-protocol", "millrace-spec", "millrace-scheduler", "millrace-agent", "millrace-model"]),
    (
        "millrace-worker",
        &[
            "millrace-protocol",
            "millrace-spec",
            "millrace-agent",
            "millrace-challenge",
            "millrace-cuda",
            "millrace-client",
            "millrace-link",
            "millrace-metrics",
            "millrace-seal",
        ],
    ),
];

/// Pure packages, and what they may use from outside.
const PURE: &[&str] =
    &["millrace-protocol", "millrace-spec", "millrace-scheduler", "millrace-agent", "millrace-challenge"];
const PURE_MAY_USE: &[&str] = &["bs58", "hex", "rand_chacha", "serde", "serde_json", "sha2", "thiserror", "toml"];

/// What is one adapter's own: nobody else may name it.
const OWNERS: &[(&str, &[&str])] = &[
    ("surfpool-sdk", &["millrace-localnet"]),
    ("age", &["millrace-seal"]),
    ("bollard", &["millrace-worker"]),
    ("hickory-resolver", &["millrace-worker"]),
    ("nvml-wrapper", &["millrace-worker"]),
    ("prometheus-client", &["millrace-metrics", "millrace-orchestrator", "millrace-worker"]),
    ("ratatui", &["millrace-cli"]),
    ("libloading", &["millrace-cuda"]),
    ("object_store", &["millrace-orchestrator"]),
    ("sqlx", &["millrace-orchestrator"]),
    ("solana-pubsub-client", &["millrace-client"]),
];

/// Normal dependencies of each package of this workspace.
fn packages() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        let normal = all.filter(|dependency| dependency["kind"].is_null());
        normal.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .filter(|package| package["name"].as_str().unwrap().starts_with("millrace-"))
        .map(|package| (package["name"].as_str().unwrap().to_owned(), dependencies(package)))
        .collect()
}

#[test]
fn packages_use_only_what_stands_below_them() {
    let packages = packages();
    for (package, may_use) in MAY_USE {
        let uses = packages.get(*package).unwrap_or_else(|| panic!("{package} is gone: this table is stale"));
        let ours = uses.iter().filter(|name| name.starts_with("millrace-"));
        let wrong: Vec<_> = ours.filter(|name| !may_use.contains(&name.as_str())).collect();
        assert!(wrong.is_empty(), "{package} uses {wrong:?}");
    }
}

#[test]
fn pure_packages_have_no_clock_no_network_and_no_chain() {
    let packages = packages();
    for package in PURE {
        let outside = packages[*package].iter().filter(|name| !name.starts_with("millrace-"));
        let wrong: Vec<_> = outside.filter(|name| !PURE_MAY_USE.contains(&name.as_str())).collect();
        assert!(wrong.is_empty(), "{package} is pure and uses {wrong:?}");
    }
}

#[test]
fn each_outside_thing_has_one_adapter() {
    let packages = packages();
    for (outside, owners) in OWNERS {
        let users = packages.iter().filter(|(_, uses)| uses.contains(*outside)).map(|(package, _)| package.as_str());
        let wrong: Vec<_> = users.filter(|package| !owners.contains(package)).collect();
        assert!(wrong.is_empty(), "{outside} is used by {wrong:?}");
    }
}

#[test]
fn workers_and_sdk_users_do_not_compile_the_local_network() {
    let packages = packages();
    let users: Vec<_> =
        packages.iter().filter(|(_, uses)| uses.contains("millrace-localnet")).map(|(package, _)| package).collect();
    assert_eq!(users, ["millrace-cli"]);
}
