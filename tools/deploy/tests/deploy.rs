//! The committed program belongs to the committed sources.

use std::fs;
use std::os::unix::fs::MetadataExt;

use millrace_deploy::{Manifest, PROGRAM_PATH, Toolchain, differences, workspace_root};

#[test]
fn manifest_matches_the_sources() {
    let lines = differences(&workspace_root()).unwrap();
    assert!(
        lines.is_empty(),
        "programs/millrace/deploy is stale: run `./dev program` and commit it.\n{}",
        lines.join("\n")
    );
}

#[test]
fn a_changed_a_missing_and_a_new_source_are_named() {
    let manifest = Manifest::read(&workspace_root()).unwrap();
    let mut other = manifest.clone();
    other.program = "0".into();
    other.sources.insert("programs/millrace/src/new.rs".into(), "1".into());
    *other.sources.get_mut("programs/millrace/src/lib.rs").unwrap() = "2".into();
    other.sources.remove("tools/sbf/build").unwrap();
    assert_eq!(
        manifest.differences(&other),
        [
            "programs/millrace/deploy/millrace.so: changed",
            "programs/millrace/src/lib.rs: changed",
            "tools/sbf/build: gone",
            "programs/millrace/src/new.rs: new",
        ]
    );
}

#[test]
fn idl_has_the_fixed_address_and_the_instructions() {
    let text = fs::read_to_string(workspace_root().join(millrace_deploy::IDL_PATH)).unwrap();
    let idl: serde_json::Value = serde_json::from_str(&text).unwrap();
    let source = fs::read_to_string(workspace_root().join("crates/protocol/src/lib.rs")).unwrap();
    assert!(source.contains(idl["address"].as_str().unwrap()));
    let names: Vec<_> =
        idl["instructions"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    for wanted in ["initialize", "open_job", "open_lease", "settle", "close_job"] {
        assert!(names.contains(&wanted), "{wanted} is missing in {names:?}");
    }
}

/// Only where the toolchain is installed, in the versions the manifest names (others may give
/// other bytes without anything being wrong), and for root, because it works in a chroot.
#[test]
fn program_is_byte_for_byte_what_the_sources_give() {
    let Some(toolchain) = Toolchain::find() else {
        println!("skipped: no SBPF toolchain here (tools/sbf/install)");
        return;
    };
    let workspace = workspace_root();
    let committed = Manifest::read(&workspace).unwrap().toolchain;
    let installed = toolchain.versions().unwrap();
    if installed != committed {
        println!("skipped: the toolchain is {installed:?}, the program was built with {committed:?}");
        return;
    }
    if fs::metadata("/proc/self").is_ok_and(|process| process.uid() != 0) {
        println!("skipped: the SBPF toolchain needs root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let built = folder.path().join("millrace.so");
    toolchain.build(&workspace, &built).unwrap();
    let same = fs::read(&built).unwrap() == fs::read(workspace.join(PROGRAM_PATH)).unwrap();
    assert!(same, "the sources give another program: run `./dev program` and commit it");
}
