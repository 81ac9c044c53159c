//! What a person reads when something is wrong, one snapshot each.

use std::path::Path;

use millrace_client::{Keypair, keys};

use crate::run::millrace;

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn a_missing_key_says_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(millrace(folder.path(), &["provider", "register", "--name", "rigs"]));
}

#[test]
fn a_config_file_with_a_typo_names_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "config.toml", "rpc_ulr = \"http://127.0.0.1:8899\"\n");
    insta::assert_snapshot!(millrace(folder.path(), &["--config", "config.toml", "job", "list"]));
}

#[test]
fn a_job_file_that_is_no_toml_names_its_line() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "job.toml", "name = \"x\"\nimage = \"y\"\n[tasks]\ncount = many\n");
    insta::assert_snapshot!(millrace(folder.path(), &["job", "submit", "job.toml"]));
}

#[test]
fn a_job_file_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(millrace(folder.path(), &["job", "submit", "nowhere.toml"]));
}

#[test]
fn an_orchestrator_that_is_away_is_external() {
    let folder = tempfile::tempdir().unwrap();
    keys::save(&folder.path().join("id.json"), &Keypair::new()).unwrap();
    let address = "11111111111111111111111111111111";
    let said = millrace(
        folder.path(),
        &["--orchestrator-url", "http://127.0.0.1:1", "--keypair", "id.json", "job", "show", address],
    );
    insta::assert_snapshot!(said);
}

#[test]
fn json_failures_are_json() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(millrace(folder.path(), &["--json", "provider", "stake", "5"]));
}

#[test]
fn an_unknown_gpu_lists_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "node",
        "add",
        "--node-key",
        "rig.json",
        "--gpu",
        "rtx-9999",
        "--gpus",
        "1",
        "--vram",
        "24GiB",
        "--cpus",
        "8",
        "--memory",
        "32GiB",
        "--disk",
        "100GiB",
        "--region",
        "europe-central",
        "--country",
        "DE",
        "--price",
        "0.40",
    ];
    insta::assert_snapshot!(millrace(folder.path(), &arguments));
    assert!(!folder.path().join("rig.json").exists(), "nothing is written for a refused command");
}

#[test]
fn an_amount_with_too_many_decimals_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(millrace(folder.path(), &["provider", "stake", "1.2345678"]));
}

#[test]
fn a_demo_does_not_overwrite_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(millrace(folder.path(), &["demo", "--dir", "."]));
}

#[test]
fn a_misspelt_command_is_told_the_similar_one() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(millrace(folder.path(), &["job", "lst"]));
}

#[test]
fn a_worker_without_its_key_is_told_where_keys_of_rigs_come_from() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(millrace(folder.path(), &["worker", "run", "--node-key", "rig.json"]));
}

#[test]
fn parameters_out_of_bounds_are_told_in_flags() {
    let folder = tempfile::tempdir().unwrap();
    let key = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin";
    let arguments = ["network", "init", "--fee-bps", "5000", "--mint", key, "--scheduler", key, "--treasury", key];
    insta::assert_snapshot!(millrace(folder.path(), &arguments));
}
