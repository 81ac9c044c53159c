//! What a person reads when something is wrong, one snapshot each.

use std::path::Path;
use std::process::Command;

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
fn a_worker_that_was_never_told_its_key_is_told_what_writes_it_down() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(millrace(folder.path(), &["worker", "run"]));
}

#[test]
fn a_rig_is_not_made_ready_on_a_folder_that_holds_something_of_others() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("home")).unwrap();
    write(folder.path(), "home/letters", "dear");
    let init = ["worker", "init", "--node-key", "rig.json", "--data-dir", "home"];
    insta::assert_snapshot!(millrace(folder.path(), &init));
    assert!(!folder.path().join("rig.json").exists() && !folder.path().join(".config").exists());
}

#[test]
fn a_rig_is_as_its_config_file_says_and_a_flag_goes_before() {
    let folder = tempfile::tempdir().unwrap();
    keys::save(&folder.path().join("rig.json"), &Keypair::new()).unwrap();
    let table =
        "[worker]\nnode_key = \"rig.json\"\ndata_dir = \"/srv/rig\"\norchestrator = \"http://market.example:7071\"\n";
    std::fs::create_dir_all(folder.path().join(".config/millrace")).unwrap();
    write(folder.path(), ".config/millrace/config.toml", table);
    let unit = millrace(folder.path(), &["worker", "install", "--user", "root", "--print"]);
    assert!(unit.contains("WorkingDirectory=/srv/rig\n"), "{unit}");
    assert!(unit.contains("--orchestrator http://market.example:7071"), "{unit}");
    let install =
        ["worker", "install", "--print", "--orchestrator", "http://flag.example:1", "--data-dir", "/srv/flag"];
    let unit = millrace(folder.path(), &install);
    assert!(unit.contains("WorkingDirectory=/srv/flag\n"), "{unit}");
    assert!(unit.contains("--orchestrator http://flag.example:1") && !unit.contains("market.example"), "{unit}");
    let status = millrace(folder.path(), &["worker", "status"]);
    assert!(status.contains("no worker runs on the data folder /srv/rig"), "{status}");
    std::fs::remove_file(folder.path().join("rig.json")).unwrap();
    let run = millrace(folder.path(), &["worker", "run"]);
    assert!(run.contains("there is no key file at rig.json"), "{run}");
}

#[test]
fn a_service_does_not_take_the_folder_of_a_worker_that_is_run_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    keys::save(&folder.path().join("rig.json"), &Keypair::new()).unwrap();
    write(folder.path(), "rig.toml", "[worker]\nnode_key = \"rig.json\"\nrun_dir = \"/srv/by-hand\"\n");
    let unit = millrace(folder.path(), &["--config", "rig.toml", "worker", "install", "--print"]);
    assert!(unit.contains("WorkingDirectory=/var/lib/millrace\n") && !unit.contains("/srv/by-hand"), "{unit}");
}

#[test]
fn a_command_that_fails_after_its_report_also_tells_that_nobody_got_it() {
    let folder = tempfile::tempdir().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let doctor = ["worker", "doctor", "--docker-host", "unix:///nowhere.sock"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    let said =
        command.args(doctor).current_dir(folder.path()).env("HOME", folder.path()).stdout(full).output().unwrap();
    let stderr = String::from_utf8(said.stderr).unwrap();
    assert!(stderr.contains("error[rig-unfit]") && stderr.contains("error[output-unwritable]"), "{stderr}");
    assert_eq!(said.status.code(), Some(1));
}

#[test]
fn a_time_that_ends_before_it_begins_is_told_before_anybody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let node = "11111111111111111111111111111111";
    let range = ["worker", "earnings", "--node", node, "--since", "1d", "--until", "2d"];
    let told = millrace(folder.path(), &[["--rpc-url", "http://127.0.0.1:1"].as_slice(), &range].concat());
    assert!(told.starts_with("status 2\n") && told.contains("error[range-inverted]"), "{told}");
}

#[test]
fn a_machine_without_systemd_is_told_the_command_and_shown_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    keys::save(&folder.path().join("rig.json"), &Keypair::new()).unwrap();
    let install = ["worker", "install", "--node-key", "rig.json", "--user", "root", "--data-dir", "/srv/rig"];
    let shown = millrace(folder.path(), &[install.as_slice(), &["--print"]].concat());
    assert!(shown.contains("ReadWritePaths=/srv/rig"), "{shown}");
    if Path::new("/run/systemd/system").exists() {
        eprintln!("SKIPPED: systemd runs this machine, and the test would install a service");
        return;
    }
    insta::assert_snapshot!(millrace(folder.path(), &install));
    assert!(!Path::new("/srv/rig").exists(), "nothing is left behind");
}

#[test]
fn a_worker_that_would_never_get_a_link_is_not_installed() {
    let folder = tempfile::tempdir().unwrap();
    keys::save(&folder.path().join("rig.json"), &Keypair::new()).unwrap();
    let install = ["worker", "install", "--node-key", "rig.json", "--print", "--orchestrator"];
    let told = millrace(folder.path(), &[install.as_slice(), &["https://market.example"]].concat());
    insta::assert_snapshot!(told);
    let shown = millrace(folder.path(), &[install.as_slice(), &["http://market.example:7071"]].concat());
    assert!(shown.contains("ExecStart"), "{shown}");
}

#[test]
fn parameters_out_of_bounds_are_told_in_flags() {
    let folder = tempfile::tempdir().unwrap();
    let key = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin";
    let arguments = ["network", "init", "--fee-bps", "5000", "--mint", key, "--scheduler", key, "--treasury", key];
    insta::assert_snapshot!(millrace(folder.path(), &arguments));
}

/// What a person typed wrongly in one of the commands that move money or change what stands on chain.
#[test]
fn nonsense_is_refused_before_anything_is_read_or_sent() {
    let folder = tempfile::tempdir().unwrap();
    let key = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin";
    let cases: [(&str, &[&str]); 16] = [
        ("extend_by_nothing", &["job", "extend", key]),
        ("extend_by_less_than_a_second", &["job", "extend", key, "--lease", "500ms"]),
        ("submit_for_a_buyer_without_prepaid", &["job", "submit", "job.toml", "--buyer", key]),
        ("accept_without_a_job", &["job", "accept"]),
        ("dispute_without_evidence", &["job", "dispute", key, "--lease", "2"]),
        ("dispute_with_evidence_that_is_not_there", &["job", "dispute", key, "--lease", "2", "--evidence", "nowhere"]),
        ("deposit_a_negative_amount", &["balance", "deposit", "-5"]),
        ("withdraw_nothing", &["balance", "withdraw"]),
        ("withdraw_both_ways", &["balance", "withdraw", "5", "--all"]),
        ("allow_without_an_end", &["delegate", "allow", key, "--per-job", "5", "--total", "10"]),
        ("allow_for_no_time", &["delegate", "allow", key, "--per-job", "5", "--total", "10", "--for", "0s"]),
        ("unstake_without_an_amount", &["provider", "unstake"]),
        ("a_status_that_is_none", &["provider", "status", "paused"]),
        ("update_nothing", &["node", "update", key]),
        ("drain_by_a_number", &["node", "drain", "0"]),
        ("rotate_without_a_key", &["node", "rotate-key", key]),
    ];
    keys::save(&folder.path().join("id.json"), &Keypair::new()).unwrap();
    for (name, arguments) in cases {
        let arguments: Vec<_> = ["--keypair", "id.json"].iter().chain(arguments).copied().collect();
        insta::assert_snapshot!(name, millrace(folder.path(), &arguments));
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["id.json"], "nothing is written");
}
