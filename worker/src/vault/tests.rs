use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use millrace_agent::Limits;
use millrace_protocol::{Diagnostic, Seconds};
use millrace_seal::{DataKey, SecretBytes};
use millrace_spec::{Sealed, Sha256};

use super::*;

const JOB: Address = Address([2; 32]);
const LEASE: Address = Address([4; 32]);

fn address(key: &SigningKey) -> Address {
    Address(key.verifying_key().to_bytes())
}

fn node_key() -> SigningKey {
    SigningKey::from_bytes(&[8; 32])
}

fn buyer() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// A vault of a node that no other test has.
fn vault(folder: &Path, node: u8) -> Vault {
    Vault::open(folder, Address([node; 32]), &node_key(), Users::here()).unwrap()
}

fn secrets() -> Secrets {
    let host = "registry.example:5000".to_owned();
    let login = RegistryLogin { host, username: "buyer".to_owned(), password: "correct horse".to_owned() };
    let key = DataKey::derive(&buyer(), Sha256([1; 32]));
    Secrets {
        files: [("token".to_owned(), SecretBytes(b"battery staple".to_vec()))].into(),
        inputs: Some(InputKey { key, plain: BTreeMap::new() }),
        registry: Some(login),
    }
}

fn envelope(node: u8, lease: Address) -> Vec<u8> {
    let binding = Binding { program: millrace_client::address::program(), job: JOB, node: Address([node; 32]), lease };
    millrace_seal::seal(&secrets(), binding, address(&node_key()), &buyer()).unwrap()
}

fn keep(vault: &Vault, node: u8) {
    let envelope = envelope(node, LEASE);
    let opened = vault.unseal(&envelope, JOB, LEASE, &[address(&buyer())]).unwrap();
    vault.keep(LEASE, &envelope, opened).unwrap();
}

fn assignment(files: &[&str]) -> Assignment {
    let files = files.iter().map(|name| (*name).to_owned()).collect();
    let limits = Limits {
        cpu_millis: 1,
        memory_mib: 8,
        pids: 1,
        time: Seconds(1),
        network: false,
        output_files: 1,
        output_bytes: 1,
    };
    Assignment {
        key: TaskKey { lease: LEASE, task: 0, attempt: 1 },
        job: JOB,
        task_count: 1,
        image: "registry.example:5000/a:1".to_owned(),
        command: Vec::new(),
        environment: Vec::new(),
        inputs: Vec::new(),
        limits,
        checkpoint: None,
        outputs_every: None,
        finish_on_notice: false,
        gpus: 1,
        runtime: None,
        egress: Vec::new(),
        peers: Vec::new(),
        sealed: Some(Box::new(Sealed { files, inputs: Some(Sha256([1; 32])), ..Sealed::default() })),
    }
}

#[test]
fn what_is_kept_on_disk_is_what_came_and_tells_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(folder.path(), 31);
    keep(&vault, 31);
    let path = folder.path().join("sealed").join(LEASE.to_string());
    let kept = fs::read(&path).unwrap();
    for text in [&b"battery staple"[..], b"correct horse", b"AGE-SECRET-KEY", b"token"] {
        assert!(!kept.windows(text.len()).any(|window| window == text));
    }
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_restarted_worker_has_it_again_and_forgets_what_belongs_to_no_lease() {
    let folder = tempfile::tempdir().unwrap();
    keep(&vault(folder.path(), 32), 32);
    fs::write(folder.path().join("sealed/nonsense"), "x").unwrap();
    fs::write(folder.path().join("sealed").join(Address([7; 32]).to_string()), [0; 200]).unwrap();
    let second = vault(folder.path(), 32);
    assert_eq!(second.restore(&[(LEASE, JOB), (Address([7; 32]), JOB)].into()), [LEASE]);
    assert_eq!(*second.secrets(LEASE).unwrap(), secrets());
    assert_eq!(fs::read_dir(folder.path().join("sealed")).unwrap().count(), 1);
    // The same envelope under another job is none.
    assert!(vault(folder.path(), 32).restore(&[(LEASE, Address([9; 32]))].into()).is_empty());
    second.forget(LEASE);
    assert!(second.secrets(LEASE).is_none());
    assert_eq!(fs::read_dir(folder.path().join("sealed")).unwrap().count(), 0);
}

#[test]
fn an_envelope_of_another_lease_node_or_buyer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(folder.path(), 33);
    let code = |envelope: &[u8], openers: &[Address]| vault.unseal(envelope, JOB, LEASE, openers).unwrap_err().code();
    let buyers = [address(&buyer())];
    assert_eq!(code(&envelope(33, Address([5; 32])), &buyers), "envelope-of-another-lease");
    assert_eq!(code(&envelope(34, LEASE), &buyers), "envelope-of-another-lease");
    assert_eq!(code(&envelope(33, LEASE), &[Address([6; 32])]), "envelope-not-the-buyers");
    assert_eq!(code(b"nonsense", &buyers), "sealed-damaged");
}

#[test]
fn a_login_goes_to_its_own_registry_only() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(folder.path(), 35);
    keep(&vault, 35);
    assert!(vault.login(LEASE, "registry.example:5000/a:1").is_some());
    for elsewhere in ["registry.example/a:1", "registry.example:5001/a", "evil.example/registry.example:5000/a", "a:1"]
    {
        assert_eq!(vault.login(LEASE, elsewhere), None, "{elsewhere}");
    }
    assert_eq!(vault.login(Address([5; 32]), "registry.example:5000/a:1"), None, "another lease's");
}

#[test]
fn secret_files_lie_in_memory_for_their_reader_alone_and_go_with_the_task() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(folder.path(), 36);
    keep(&vault, 36);
    let shown = vault.show(&assignment(&["token"])).unwrap().unwrap();
    let file = shown.join("token");
    assert_eq!(fs::read(&file).unwrap(), b"battery staple");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o400);
    assert_eq!(fs::metadata(&shown).unwrap().mode() & 0o777, 0o700);
    assert!(shown.starts_with("/dev/shm"), "{shown:?}");
    // Again, as after a restart; then a task that is not known any more.
    assert_eq!(vault.show(&assignment(&["token"])).unwrap().unwrap(), shown);
    vault.sweep(&[assignment(&[]).key]);
    assert!(file.exists());
    vault.sweep(&[]);
    assert!(!shown.exists());
    vault.show(&assignment(&["token"])).unwrap();
    vault.clear(assignment(&[]).key).unwrap();
    assert!(!shown.exists() && !shown.parent().unwrap().exists());
    assert_eq!(vault.show(&assignment(&[])), Ok(None), "a task without any has no folder");
}

#[test]
fn what_the_envelope_lacks_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(folder.path(), 37);
    let missing = |result: Result<Option<PathBuf>, Failure>| result.unwrap_err();
    assert_eq!(missing(vault.show(&assignment(&["token"]))), Failure::new(Cause::SecretsMissing, "token"));
    assert_eq!(vault.input_key(&assignment(&[])).unwrap_err().cause, Cause::SecretsMissing);
    keep(&vault, 37);
    assert_eq!(missing(vault.show(&assignment(&["other", "token"]))), Failure::new(Cause::SecretsMissing, "other"));
    assert!(vault.input_key(&assignment(&[])).unwrap().is_some());
}

#[test]
fn a_folder_that_somebody_else_could_enter_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(folder.path(), 38);
    keep(&vault, 38);
    let root = Path::new("/dev/shm").join(format!("millrace-{}", Address([38; 32])));
    fs::create_dir_all(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = vault.show(&assignment(&["token"])).unwrap_err();
    assert_eq!(refused.cause, Cause::CreateFailed);
    fs::remove_dir(root).unwrap();
}
