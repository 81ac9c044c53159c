//! What `./dev demo` runs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use millrace_client::{address as addresses, keys};
use serde_json::Value;

use crate::network::{binary, containers};

fn demo(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command.args(["--json", "demo", "--dir", "stage"]).current_dir(folder).env("HOME", folder);
    // The job file is found from the root of the repository.
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    command.args(["--job", &format!("{root}/examples/render/job.toml")]).stdin(Stdio::null());
    command
}

/// The demo's containers, running or not.
fn containers_of(folder: &Path) -> Vec<String> {
    let node = |rig: u32| {
        let owner = keys::load(&folder.join(format!("stage/keys/rig-{rig}-owner.json"))).ok()?;
        Some(addresses::node(addresses::provider(keys::address_of(&owner)), 0))
    };
    let nodes: Vec<_> = (1..=3).filter_map(node).collect();
    containers(&nodes)
}

/// Processes with a text on their command line, this test's own demo apart.
fn processes(text: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

#[test]
fn the_demo_renders_every_frame_and_its_sum_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["n_frames"], 24);
    assert_eq!(result["account"]["exact"], true);
    assert_eq!(result["account"]["paid_in"], result["account"]["paid_out"]);
    let shares = result["shares"].as_array().unwrap();
    assert_eq!(shares.len(), 3, "each of the three workers rendered: {shares:?}");
    let rendered: usize = shares.iter().map(|share| share["frames"].as_array().unwrap().len()).sum();
    assert_eq!(rendered, 24);
    assert!(shares.iter().all(|share| share["hardware"].as_str().unwrap().ends_with("(simulated)")), "{shares:?}");
    for line in result["account"]["lines"].as_array().unwrap() {
        assert!(line["transaction"].as_str().unwrap().len() > 80, "{line}");
    }
    let frames = std::fs::read_dir(folder.path().join("stage/frames")).unwrap().count();
    assert_eq!(frames, 24);
    assert!(folder.path().join("stage/contact-sheet.png").exists());
    assert!(containers_of(folder.path()).is_empty());
}

#[test]
fn an_interrupted_demo_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let child = demo(folder.path()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    // In the middle: containers run.
    while containers_of(folder.path()).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(60), "no container was started");
        std::thread::sleep(Duration::from_millis(100));
    }
    let pid = child.id().to_string();
    let stage = folder.path().join("stage").display().to_string();
    assert_eq!(processes(&stage), 4, "an orchestrator and three workers");
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("\"interrupted\""), "{told}");
    assert_eq!(processes(&stage), 0);
    assert!(containers_of(folder.path()).is_empty());
}
