//! The committed PTX is what the source gives.

use std::process::Command;

use sha2::{Digest, Sha256};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kernels");

fn committed() -> String {
    std::fs::read_to_string(format!("{FOLDER}/challenge.ptx")).unwrap()
}

#[test]
fn the_kernels_were_built_from_this_source() {
    let source = std::fs::read(format!("{FOLDER}/challenge.cu")).unwrap();
    let line = format!("// SHA-256 of challenge.cu: {}", hex::encode(Sha256::digest(source)));
    assert_eq!(committed().lines().last(), Some(line.as_str()), "run worker/cuda/kernels/build");
}

/// Another version of clang gives other instructions for the same source.
#[test]
fn building_them_again_gives_the_same_bytes() {
    let version = Command::new("clang").arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if !version.contains("clang version 14.") {
        eprintln!("SKIPPED: the kernels were built with clang 14, which is not here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("challenge.ptx");
    let status = Command::new(format!("{FOLDER}/build")).arg(&output).status().unwrap();
    assert!(status.success());
    assert!(std::fs::read_to_string(output).unwrap() == committed(), "run worker/cuda/kernels/build");
}

#[test]
fn they_need_no_memory_beside_the_buffers_and_call_nothing() {
    let ptx = committed();
    for instruction in ["st.local", "ld.local", "call ", "bar.", ".shared"] {
        assert!(!ptx.contains(instruction), "{instruction}");
    }
    let entries: Vec<&str> = ptx.lines().filter(|line| line.starts_with(".visible .entry ")).collect();
    assert_eq!(entries, [".visible .entry fill(", ".visible .entry multiply(", ".visible .entry digest("]);
}
