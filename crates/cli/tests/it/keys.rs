//! Keys made and shown by the command itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use millrace_client::keys::{address_of, load};
use millrace_protocol::Address;

use crate::run::millrace;

/// What the command says, with the key's address replaced: it is another one each time.
fn said(folder: &Path, arguments: &[&str], key: &str) -> String {
    millrace(folder, arguments).replace(&address(folder, key).to_string(), "[ADDRESS]")
}

fn address(folder: &Path, key: &str) -> Address {
    address_of(&load(&folder.join(key)).unwrap())
}

#[test]
fn a_new_key_is_private_and_says_what_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(said(folder.path(), &["key", "new", "keys/buyer.json"], "keys/buyer.json"));
    let mode = fs::metadata(folder.path().join("keys/buyer.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_new_key_where_commands_look_needs_no_flag() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".config/solana/id.json");
    let arguments = ["key", "new", path.to_str().unwrap()];
    insta::assert_snapshot!(said(folder.path(), &arguments, ".config/solana/id.json"));
}

#[test]
fn a_key_that_exists_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    millrace(folder.path(), &["key", "new", "id.json"]);
    let before = address(folder.path(), "id.json");
    insta::assert_snapshot!(millrace(folder.path(), &["key", "new", "id.json"]));
    assert_eq!(address(folder.path(), "id.json"), before);
}

#[test]
fn a_new_key_in_json_has_its_address() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(said(folder.path(), &["--json", "key", "new", "id.json"], "id.json"));
    insta::assert_snapshot!(said(folder.path(), &["--json", "key", "show", "id.json"], "id.json"));
}

#[test]
fn an_address_stands_alone_so_that_it_fits_into_other_commands() {
    let folder = tempfile::tempdir().unwrap();
    millrace(folder.path(), &["key", "new", "id.json"]);
    let alone = "status 0\n--- stdout\n[ADDRESS]\n--- stderr\n";
    assert_eq!(said(folder.path(), &["key", "show", "id.json"], "id.json"), alone);
    assert_eq!(said(folder.path(), &["--keypair", "id.json", "key", "show"], "id.json"), alone, "the configured key");
}

#[test]
fn a_file_that_is_no_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("id.json"), "[1,2,3]").unwrap();
    insta::assert_snapshot!(millrace(folder.path(), &["key", "show", "id.json"]));
    insta::assert_snapshot!(millrace(folder.path(), &["key", "show", "other.json"]));
}

#[test]
fn a_rig_that_is_not_fit_gets_no_key_and_no_config() {
    let folder = tempfile::tempdir().unwrap();
    let init = ["worker", "init", "--node-key", "rig.json", "--docker-host", "unix:///nowhere/docker.sock"];
    // A file that is to be written need not be there.
    let said = millrace(folder.path(), &[&["--config", "new.toml"], init.as_slice()].concat());
    assert!(said.starts_with("status 1\n") && said.contains("error[rig-unfit]"), "{said}");
    assert!(said.contains("bad   container engine") && said.contains("systemctl start docker"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written");
}
