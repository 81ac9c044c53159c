//! No instruction of the program is without its deed.

use std::collections::BTreeSet;

use millrace_adversary::INSTRUCTIONS;

const IDL: &str = include_str!("../../../programs/millrace/deploy/idl.json");

#[test]
fn an_attacker_may_do_whatever_the_program_can() {
    let idl: serde_json::Value = serde_json::from_str(IDL).unwrap();
    let instructions = idl["instructions"].as_array().unwrap().iter();
    let all: BTreeSet<_> = instructions.map(|one| one["name"].as_str().unwrap()).collect();
    let deeds: BTreeSet<_> = INSTRUCTIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(deeds, all);
}
