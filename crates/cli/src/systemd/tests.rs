use std::os::unix::fs::MetadataExt;

use super::*;

/// A machine whose `systemctl` writes down what it is asked, and refuses the verb that `refuses` names.
struct Machine {
    folder: tempfile::TempDir,
    systemd: Systemd,
}

impl Machine {
    fn new(refuses: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["units", "booted"] {
            fs::create_dir(at(name)).unwrap();
        }
        let said = at("said");
        let script = format!(
            "#!/bin/sh\necho \"$*\" >> {}\nif [ \"$1\" = {refuses} ]; then echo \"no $1 today\" >&2; exit 1; fi\n",
            said.display()
        );
        fs::write(at("systemctl"), script).unwrap();
        fs::set_permissions(at("systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
        let (units, booted, systemctl) = (at("units"), at("booted"), at("systemctl"));
        let systemd = Systemd { units, booted, systemctl, temporary: &["/dev"] };
        Self { folder, systemd }
    }

    fn said(&self) -> Vec<String> {
        let said = fs::read_to_string(self.folder.path().join("said")).unwrap_or_default();
        said.lines().map(str::to_owned).collect()
    }

    fn unit(&self) -> Unit {
        let user = Command::new("id").arg("-un").output().unwrap();
        Unit {
            program: "/usr/bin/millrace".into(),
            rpc_url: "http://127.0.0.1:8899".into(),
            data_dir: self.folder.path().join("data"),
            user: String::from_utf8(user.stdout).unwrap().trim().to_owned(),
            docker_group: None,
            node_key: "/etc/rig.json".into(),
            words: vec![],
        }
    }
}

#[test]
fn a_worker_becomes_a_service_and_stops_being_one() {
    let machine = Machine::new("nothing");
    let unit = machine.unit();
    machine.systemd.install(&unit).unwrap();
    let asked = ["daemon-reload", "enable millrace-worker.service", "restart millrace-worker.service"];
    assert_eq!(machine.said(), asked);
    assert_eq!(fs::read_to_string(machine.systemd.unit_path()).unwrap(), unit.text().unwrap());
    assert_eq!(machine.systemd.data_dir().unwrap(), unit.data_dir);
    let folder = fs::metadata(&unit.data_dir).unwrap();
    assert_eq!((folder.mode() & 0o777, folder.uid()), (0o700, ids(&unit.user).unwrap().0));

    machine.systemd.uninstall().unwrap();
    let asked = ["disable millrace-worker.service", "stop millrace-worker.service", "daemon-reload"];
    assert_eq!(machine.said()[3..], asked);
    assert!(!machine.systemd.unit_path().exists() && unit.data_dir.is_dir());
    assert_eq!(machine.systemd.uninstall().unwrap_err().code(), "service-not-installed");
}

#[test]
fn what_systemd_does_not_take_leaves_everything_as_it_was() {
    let machine = Machine::new("restart");
    let error = machine.systemd.install(&machine.unit()).unwrap_err();
    assert_eq!(error.code(), "systemctl-failed");
    assert_eq!(error.to_string(), "`systemctl restart` failed: no restart today");
    assert!(!machine.systemd.unit_path().exists());
    let asked = ["disable millrace-worker.service", "stop millrace-worker.service", "daemon-reload"];
    assert_eq!(machine.said()[3..], asked, "nothing goes on trying to start it");

    fs::write(machine.systemd.unit_path(), "the owner's").unwrap();
    machine.systemd.install(&machine.unit()).unwrap_err();
    assert_eq!(fs::read_to_string(machine.systemd.unit_path()).unwrap(), "the owner's");
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_written() {
    let machine = Machine::new("nothing");
    let cases = [
        (Unit { user: "nobody-has-this-name".into(), ..machine.unit() }, "service-user-unknown"),
        (Unit { data_dir: "/dev/shm/rig".into(), ..machine.unit() }, "data-folder-temporary"),
        (Unit { node_key: "/etc/a b".into(), ..machine.unit() }, "unit-unspeakable"),
    ];
    for (unit, code) in cases {
        let error = machine.systemd.install(&unit).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!error.hint().is_empty() && !machine.systemd.unit_path().exists());
    }
    assert!(machine.said().is_empty() && !machine.unit().data_dir.exists());
}

#[test]
fn a_unit_that_cannot_be_written_asks_for_sudo() {
    let machine = Machine::new("nothing");
    let nowhere = Systemd { units: machine.folder.path().join("nowhere"), ..machine.systemd.clone() };
    let error = nowhere.install(&machine.unit()).unwrap_err();
    assert_eq!(error.code(), "unit-unwritable");
    assert!(error.hint().contains("sudo") && machine.said().is_empty());
}
