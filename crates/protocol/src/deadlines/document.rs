//! `docs/deadlines.md` is the table as it is now. Written anew where `MILLRACE_WRITE_DOCS` is set.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Row, Subject, When, rows};
use crate::{Parameters, Seconds};

const INTRODUCTION: &str = "\
# Deadlines

Generated from [`crates/protocol/src/deadlines`](../crates/protocol/src/deadlines) by
`MILLRACE_WRITE_DOCS=1 cargo test -p millrace-protocol deadlines`; a test fails where it is not up to date.

Every state of the market, when it ends by itself, who may end it and where the money goes. Nothing waits on
one key: a state without a deadline says who may end it at once. What may be done *before* a deadline is
refused from its very second on, and what may be done *after* it is refused until the second before. Each row
is proven by two tests of the name given, with the clock one second before and at the deadline: over the pure
rules in `crates/protocol/src/deadlines/proofs.rs`, and over the built program in
`tests/program/deadlines/`.

Lengths are the defaults of [`Parameters`](../crates/protocol/src/parameters.rs); a lease keeps those it was
opened under.

";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn duration(seconds: Seconds) -> String {
    match seconds.0 {
        days if days % 86_400 == 0 => format!("{} d", days / 86_400),
        hours if hours % 3_600 == 0 => format!("{} h", hours / 3_600),
        rest => format!("{rest} s"),
    }
}

fn when(when: When) -> String {
    match when {
        When::AtOnce => "at once".to_owned(),
        When::Parameter { from, name, length } => {
            format!("{from} + `{name}` ({})", duration(length(&Parameters::default())))
        }
        When::Chosen { from, bounds } => format!("{from} + {bounds}"),
        When::By(what) => format!("by {what}"),
    }
}

fn title(subject: Subject) -> String {
    match subject {
        Subject::Job(state) => format!("Job {state:?}"),
        Subject::Lease(state) => format!("Lease {state:?}"),
        Subject::Member(state) => format!("Quorum member {state:?}"),
        Subject::Round(verdict) => format!("Quorum {verdict:?}"),
        Subject::Provider(status) => format!("Provider {status:?}"),
        Subject::Unbonding => "Stake unbonding".to_owned(),
        Subject::Earnings => "Earnings".to_owned(),
        Subject::Payout => "Payout owner changing".to_owned(),
        Subject::Attestation => "Hardware attestation".to_owned(),
        Subject::Balance => "Prepaid balance".to_owned(),
        Subject::Allowance => "Allowance".to_owned(),
    }
}

fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str("| state | deadline | before it | from it on | effect | money | proof |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for subject in Subject::all() {
        for row in rows(subject) {
            let instructions = row.instruction.split(", ").map(|name| format!("`{name}`")).collect::<Vec<_>>();
            writeln!(
                text,
                "| {} | {} | {} | {}: {} | {} | {} | `{}` |",
                title(subject),
                when(row.when),
                row.before,
                row.who,
                instructions.join(", "),
                row.then,
                row.money,
                row.proof,
            )
            .unwrap();
        }
    }
    text
}

fn all_rows() -> Vec<&'static Row> {
    Subject::all().into_iter().flat_map(rows).collect()
}

/// Names of the tests in a file.
fn tests(path: &str) -> BTreeSet<String> {
    let source = std::fs::read_to_string(root().join(path)).unwrap();
    let after = source.split("#[test]\n").skip(1);
    after.map(|text| text.trim_start().trim_start_matches("fn ").split('(').next().unwrap().to_owned()).collect()
}

#[test]
fn the_document_is_the_table() {
    let path = root().join("docs/deadlines.md");
    if std::env::var_os("MILLRACE_WRITE_DOCS").is_some() {
        std::fs::write(&path, markdown()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == markdown(), "docs/deadlines.md is out of date; its first lines say how to write it");
}

#[test]
fn every_state_has_a_way_out() {
    for subject in Subject::all() {
        assert!(!rows(subject).is_empty(), "{subject:?} has no row");
    }
    assert_eq!(Subject::all().len(), 5 + 4 + 5 + 3 + 3 + 6);
}

#[test]
fn every_row_is_proven_over_the_pure_rules() {
    let named: BTreeSet<_> = all_rows().into_iter().map(|row| row.proof.to_owned()).collect();
    assert_eq!(tests("crates/protocol/src/deadlines/proofs.rs"), named);
}

#[test]
fn every_row_is_proven_over_the_built_program() {
    let named: BTreeSet<_> = all_rows().into_iter().map(|row| row.proof.to_owned()).collect();
    let parts = ["jobs", "leases", "rounds", "providers", "buyers"];
    let proven = parts.iter().flat_map(|part| tests(&format!("tests/program/deadlines/{part}.rs")));
    assert_eq!(proven.collect::<BTreeSet<_>>(), named);
}

#[test]
fn durations_read_in_their_largest_unit() {
    assert_eq!(duration(Seconds(14 * 86_400)), "14 d");
    assert_eq!(duration(Seconds(6 * 3_600)), "6 h");
    assert_eq!(duration(Seconds(900)), "900 s");
}
