//! `millrace sim replay`, on a recording made here.

use millrace_sim::Recording;

use crate::run::millrace;

/// A seed in which nothing goes wrong.
const CALM: u64 = 10;

#[test]
fn a_recording_is_replayed_and_printed_readably() {
    let folder = tempfile::tempdir().unwrap();
    let recording = Recording::make(CALM, 1, None);
    std::fs::write(folder.path().join("10.jsonl"), recording.text()).unwrap();
    let said = millrace(folder.path(), &["sim", "replay", "10.jsonl", "--about", "J0"]);
    assert!(said.starts_with("status 0\n"), "{said}");
    assert!(said.contains("chain      open_job J0 by B"), "{said}");
    assert!(said.contains("chain      close_job J0 landed: J0"), "{said}");
    assert!(said.contains("seed 10: everything happened as it was recorded; no rule is broken"), "{said}");
    assert!(!said.contains(" beats ") && !said.contains("open_job J1"), "{said}");
}

#[test]
fn a_replay_tells_from_where_on_this_build_differs() {
    let folder = tempfile::tempdir().unwrap();
    let mut recording = Recording::make(CALM, 1, None);
    let at = recording.lines[9].at;
    recording.lines[9].what.push_str(" in another way");
    std::fs::write(folder.path().join("10.jsonl"), recording.text()).unwrap();
    let said = millrace(folder.path(), &["--json", "sim", "replay", "10.jsonl"]);
    let stdout = said.split("--- stdout\n").nth(1).and_then(|rest| rest.split("\n--- stderr").next()).unwrap();
    let report: serde_json::Value = serde_json::from_str(stdout).unwrap();
    assert_eq!((&report["differs_at"], &report["differs_after"]), (&9.into(), &at.into()));
    assert_eq!(report["broken"], serde_json::Value::Null);
}

#[test]
fn what_is_no_recording_is_named() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("no-recording-there", millrace(folder.path(), &["sim", "replay", "38.jsonl"]));
    std::fs::write(folder.path().join("38.jsonl"), "seed 38\n").unwrap();
    insta::assert_snapshot!("no-recording", millrace(folder.path(), &["sim", "replay", "38.jsonl"]));
}
