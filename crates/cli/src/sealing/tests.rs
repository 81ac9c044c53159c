use millrace_spec::Placement;

use super::handover::check_provider;
use super::*;

const JOB: &str = r#"
name = "sealed"
image = "registry.example:5000/a:1"
[tasks]
count = 1
time_limit = "1m"
[resources]
cpus = "1"
memory = "64MiB"
disk = "64MiB"
[budget]
maximum_price = "1"
lease = "10m"
[registry]
username = "buyer"
password_file = "password"
[secrets]
token = "token"
[encryption]
inputs = true
outputs = "wallet"
[inputs]
"scene/a.pov" = "scene.pov"
"#;

fn wallet() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("password", "correct horse\n"), ("token", "staple\n"), ("scene.pov", "sphere")] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

#[tokio::test]
async fn what_is_uploaded_is_not_what_is_on_this_machine() {
    let (folder, into) = (folder(), tempfile::tempdir().unwrap());
    let file = JobFile::parse(JOB).unwrap();
    let key = DataKey::derive(&wallet(), Sha256([1; 32]));
    let inputs = encrypted_inputs(&file, folder.path(), into.path(), key.clone()).await.unwrap();
    let uploaded = std::fs::read(&inputs.paths["scene/a.pov"]).unwrap();
    assert_eq!(inputs.objects["scene/a.pov"].sha256, millrace_spec::sha256(&uploaded));
    assert!(!uploaded.windows(6).any(|window| window == b"sphere"));
    let mut plain = Vec::new();
    let object = millrace_seal::decrypt(key.identity(), &uploaded[..], &mut plain).unwrap();
    assert_eq!((plain.as_slice(), inputs.key.unwrap().plain["scene/a.pov"]), (&b"sphere"[..], object));
}

#[test]
fn secrets_are_read_as_they_are_and_a_password_without_its_line_break() {
    let folder = folder();
    let file = JobFile::parse(JOB).unwrap();
    let secrets = read_secrets(&file, folder.path(), None).unwrap();
    assert_eq!(secrets.files["token"].0, b"staple\n");
    let login = secrets.registry.unwrap();
    assert_eq!((login.host.as_str(), login.password.as_str()), ("registry.example:5000", "correct horse"));

    std::fs::write(folder.path().join("token"), vec![7; LARGEST_FILES + 1]).unwrap();
    let error = read_secrets(&file, folder.path(), None).unwrap_err();
    assert_eq!(error.code(), "secrets-too-large");
    std::fs::remove_file(folder.path().join("token")).unwrap();
    let error = read_secrets(&file, folder.path(), None).unwrap_err();
    assert!(matches!(error, Error::SecretUnreadable { name, .. } if name == "token"));
}

#[test]
fn an_output_is_opened_by_its_wallet_and_stays_where_it_is_anothers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frame.png.age");
    let to = Identity::of_key(&wallet()).recipient();
    millrace_seal::encrypt(&to, &b"pixels"[..], File::create(&path).unwrap()).unwrap();
    assert_eq!(open_output(&path, &SigningKey::from_bytes(&[6; 32])).unwrap(), None);
    let (plain, object) = open_output(&path, &wallet()).unwrap().unwrap();
    assert_eq!((std::fs::read(&plain).unwrap(), object.sha256), (b"pixels".to_vec(), millrace_spec::sha256(b"pixels")));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the encrypted one is gone");
    assert_eq!(open_output(&plain, &wallet()).unwrap(), None, "it is not encrypted");

    std::fs::write(&path, "damaged").unwrap();
    assert_eq!(open_output(&path, &wallet()).unwrap_err().code(), "output-undecrypted");
    assert!(path.exists());
}

#[test]
fn no_two_jobs_have_one_salt() {
    assert_ne!(fresh_salt(&wallet()), fresh_salt(&wallet()));
}

#[test]
fn nothing_is_sealed_for_a_provider_that_the_job_file_leaves_out() {
    let (wanted, other) = (Address([1; 32]), Address([2; 32]));
    assert!(check_provider(&Placement::default(), other).is_ok());
    let only = Placement { providers: vec![wanted], ..Placement::default() };
    assert!(check_provider(&only, wanted).is_ok());
    assert!(matches!(check_provider(&only, other), Err(Error::ProviderUnwanted { provider }) if provider == other));
    let without = Placement { denied_providers: vec![other], ..Placement::default() };
    assert!(check_provider(&without, wanted).is_ok());
    assert!(check_provider(&without, other).is_err());
}

#[test]
fn what_the_orchestrator_carries_is_as_large_as_an_envelope_may_be() {
    assert_eq!(millrace_link::rest::LARGEST_ENVELOPE, millrace_seal::LARGEST_ENVELOPE);
}
