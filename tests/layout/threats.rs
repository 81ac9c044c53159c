//! What the pages on security say is shown by a test is shown by a test that there is.

use std::fs;
use std::path::{Path, PathBuf};

/// Each page, and how its table of threats begins.
const PAGES: &[(&str, &str)] = &[
    (include_str!("../../SECURITY.md"), "| attacker | tries |"),
    (include_str!("../../docs/security-worker.md"), "| a program tries |"),
];
/// Where the tests named `<first part>::` lie.
const FOLDERS: &[(&str, &str)] = &[
    ("program", "program"),
    ("protocol", "../crates/protocol/src"),
    ("client", "../crates/client/tests"),
    ("agent", "../worker/core/src/tests"),
    ("adversary", "../crates/adversary/tests"),
    ("worker", "../worker/tests"),
    ("hostile", "../worker/tests/hostile"),
];

/// Every file of this name in a folder and those below it.
fn named(folder: &Path, file: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => named(&path, file),
            false => vec![path].into_iter().filter(|path| path.ends_with(file)).collect(),
        })
        .collect()
}

fn is_a_test(name: &str) -> bool {
    let [first, module, function] = name.split("::").collect::<Vec<_>>()[..] else { return false };
    let Some((_, folder)) = FOLDERS.iter().find(|(prefix, _)| *prefix == first) else { return false };
    let files = named(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &format!("{module}.rs"));
    files.iter().any(|file| {
        let text = fs::read_to_string(file).unwrap();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        lines
            .iter()
            .enumerate()
            .any(|(at, line)| line.contains(&format!("fn {function}(")) && at > 0 && lines[at - 1].contains("test"))
    })
}

#[test]
fn every_threat_is_shown_by_a_test_that_exists() {
    for (page, head) in PAGES {
        let table = page.split(head).nth(1).expect("the table of threats").lines();
        let rows: Vec<_> = table.skip(2).take_while(|line| line.starts_with('|')).collect();
        assert!(rows.len() > 15, "the table of threats has {} rows", rows.len());
        rows.iter().for_each(|row| is_shown(row));
    }
}

fn is_shown(row: &str) {
    let shown_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
    let tests: Vec<_> = shown_by.split('`').skip(1).step_by(2).collect();
    assert!(!tests.is_empty(), "no test shows what this says: {row}");
    for test in tests {
        assert!(is_a_test(test), "there is no test {test}");
    }
}

/// A hostile program that no page tells of would not be missed.
#[test]
fn every_hostile_program_stands_on_the_page() {
    let page = PAGES[1].0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worker/tests/hostile");
    for module in ["ascent", "early_outputs", "exhaustion", "images", "network", "outputs", "persistence"] {
        let text = fs::read_to_string(folder.join(format!("{module}.rs"))).unwrap();
        for test in text.split("#[tokio::test]\nasync fn ").skip(1) {
            let name = test.split('(').next().unwrap();
            assert!(page.contains(&format!("`hostile::{module}::{name}`")), "{module}::{name}");
        }
    }
}
