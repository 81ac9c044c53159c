use super::shapes::{and, refused, spec_of};
use super::*;
use crate::{Sealed, Sha256};

const SALT: Sha256 = Sha256([5; 32]);

fn recipient() -> String {
    format!("age1{}", "p".repeat(58))
}

fn sealed(lines: &str) -> JobSpec {
    let mut file = and(lines).unwrap();
    file.seal(SALT, &recipient());
    spec_of(&file)
}

/// The file with another image, which comes before all tables.
fn image(image: &str, lines: &str) -> Result<JobFile, Error> {
    JobFile::parse(&format!("{}\n{lines}\n", GOOD.replace("millrace/povray:1", image)))
}

#[test]
fn a_spec_names_what_is_sealed_and_holds_nothing_of_it() {
    let spec = sealed("[secrets]\ntoken = \"private/token\"\n\"api.key\" = \"private/key\"");
    let expected = Sealed { files: vec!["api.key".to_owned(), "token".to_owned()], ..Sealed::default() };
    assert_eq!(spec.sealed, Some(expected));
    let text = String::from_utf8(spec.canonical_bytes()).unwrap();
    assert!(text.contains(r#""sealed":{"files":["api.key","token"]},"task_retries""#), "{text}");
    assert!(!text.contains("private"), "{text}");

    let login = "[registry]\nusername = \"buyer\"\npassword_file = \"password\"";
    let file = image("registry.example:5000/a/b:1", login).unwrap();
    let text = String::from_utf8(spec_of(&file).canonical_bytes()).unwrap();
    assert!(text.contains(r#""sealed":{"registry":"registry.example:5000"}"#), "{text}");
    assert!(!text.contains("buyer") && !text.contains("password"), "{text}");
    assert_eq!(file.registry.unwrap().password, PathBuf::from("password"));
    assert_eq!(image("a:1", login).unwrap().registry.unwrap().host, "docker.io");
}

#[test]
fn what_only_a_wallet_can_say_must_be_said_before_there_is_a_spec() {
    let file = and("[encryption]\ninputs = true\noutputs = \"wallet\"").unwrap();
    let objects = BTreeMap::from([("scene.pov".to_owned(), object())]);
    assert_eq!(file.resolve(&objects), Err(Error::NotSealed));
    for lines in ["inputs = true", "outputs = \"wallet\""] {
        assert_eq!(and(&format!("[encryption]\n{lines}")).unwrap().resolve(&objects), Err(Error::NotSealed));
    }
    let spec = sealed("[encryption]\ninputs = true\noutputs = \"wallet\"");
    let expected = Sealed { inputs: Some(SALT), outputs: Some(recipient()), ..Sealed::default() };
    assert_eq!(spec.sealed, Some(expected));
}

#[test]
fn a_rig_promises_room_for_encrypted_inputs_twice() {
    let promised = |encryption: &str, inputs: u64| {
        let mut spec = sealed(&format!("[encryption]\n{encryption}"));
        assert_eq!(spec.limits.disk_mib, 1_024);
        spec.inputs.values_mut().for_each(|input| input.size = inputs);
        spec.promised_disk_mib()
    };
    let inputs = 300 << 20;
    assert_eq!(promised("", inputs), 1_024);
    assert_eq!(promised("inputs = true", inputs), 1_324);
    assert_eq!(promised("inputs = true", inputs + 1), 1_325, "no byte is left out");
    assert_eq!(promised(&format!("outputs = \"{}\"", recipient()), inputs), 1_024);
    assert_eq!(promised("inputs = true", u64::MAX), u64::MAX.div_ceil(1 << 20), "which is more than any rig has");
}

#[test]
fn a_rig_waits_only_for_what_it_cannot_do_without() {
    let outputs = format!("[encryption]\noutputs = \"{}\"", recipient());
    assert!(!sealed(&outputs).sealed.unwrap().is_awaited());
    for lines in ["[encryption]\ninputs = true", "[secrets]\na = \"a\""] {
        assert!(sealed(lines).sealed.unwrap().is_awaited());
    }
    assert_eq!(sealed("[encryption]").sealed, None, "nothing is sealed, so nothing is said");
}

#[test]
fn a_seal_refuses_nonsense() {
    for (lines, named) in [
        ("[secrets]\n\"../a\" = \"a\"", "secrets"),
        ("[secrets]\n\".hidden\" = \"a\"", "secrets"),
        ("[secrets]\n\"\" = \"a\"", "secrets"),
        ("[encryption]\noutputs = \"me\"", "encryption.outputs"),
    ] {
        refused(and(lines), named);
    }
    let many: String = (0..65).map(|number| format!("a{number} = \"a\"\n")).collect();
    refused(and(&format!("[secrets]\n{many}")), "secrets");
    refused(and(&format!("[secrets]\n{} = \"a\"", "a".repeat(101))), "secrets");
    let without_inputs = GOOD.replace("\"scene.pov\" = \"scene.pov\"\n", "");
    refused(JobFile::parse(&format!("{without_inputs}\n[encryption]\ninputs = true")), "encryption.inputs");
    for policy in ["quorum", "spot-check"] {
        let compared = format!("[verification]\npolicy = \"{policy}\"\n[encryption]\noutputs = \"wallet\"");
        refused(and(&compared), "encryption.outputs");
    }
    assert!(
        matches!(and("[registry]\nusername = \"a\"\npassword = \"b\""), Err(Error::Syntax(_))),
        "never in the file"
    );

    let mut spec = sealed("[secrets]\na = \"a\"\nb = \"b\"");
    spec.sealed.as_mut().unwrap().files.reverse();
    assert!(matches!(spec.check(), Err(Error::Field { field: "secrets", .. })));
    spec.sealed = Some(Sealed::default());
    assert!(matches!(spec.check(), Err(Error::Field { field: "sealed", .. })));
    spec.sealed = Some(Sealed { registry: Some("elsewhere.example".to_owned()), ..Sealed::default() });
    assert!(matches!(spec.check(), Err(Error::Field { field: "registry", .. })), "no other host is sent the login");
}
