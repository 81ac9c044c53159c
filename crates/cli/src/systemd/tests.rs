use std::os::unix::fs::MetadataExt;

use millrace_worker::journal::Journal;

use super::*;

/// A machine whose `systemctl` writes down what it is asked, and refuses the verb that `refuses` names. A worker that
/// was started is up for as long as it is looked at.
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
        let (said, states) = (at("said").display().to_string(), at("states").display().to_string());
        let script = format!(
            "#!/bin/sh
echo \"$*\" >> {said}
if [ \"$1\" = {refuses} ]; then echo \"no $1 today\" >&2; exit 1; fi
if [ \"$1\" = show ]; then echo WorkingDirectory=/srv/shown; fi
if [ \"$1\" = is-active ]; then
    state=$(head -n 1 {states}); sed -i 1d {states}
    echo \"$state\"; [ \"$state\" = active ]
fi
"
        );
        fs::write(at("systemctl"), script).unwrap();
        fs::set_permissions(at("systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
        let (units, booted, systemctl) = (at("units"), at("booted"), at("systemctl"));
        let systemd = Systemd { units, booted, systemctl, temporary: &["/dev"], pause: Duration::ZERO };
        let machine = Self { folder, systemd };
        machine.will_be(&["active"; LOOKS as usize]);
        machine
    }

    /// What the service is, look by look.
    fn will_be(&self, states: &[&str]) {
        fs::write(self.folder.path().join("states"), states.join("\n") + "\n").unwrap();
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
    let mut asked = vec!["daemon-reload", "enable millrace-worker.service", "restart millrace-worker.service"];
    asked.extend(["is-active millrace-worker.service"; LOOKS as usize]);
    assert_eq!(machine.said(), asked);
    assert_eq!(fs::read_to_string(machine.systemd.unit_path()).unwrap(), unit.text().unwrap());
    assert_eq!(machine.systemd.data_dir().unwrap(), unit.data_dir);
    let folder = fs::metadata(&unit.data_dir).unwrap();
    assert_eq!((folder.mode() & 0o777, folder.uid()), (0o700, ids(&unit.user).unwrap().0));

    machine.systemd.uninstall().unwrap();
    let gone = ["disable millrace-worker.service", "stop millrace-worker.service", "daemon-reload"];
    assert_eq!(machine.said()[asked.len()..], gone);
    assert!(!machine.systemd.unit_path().exists() && unit.data_dir.is_dir());
    assert_eq!(machine.systemd.uninstall().unwrap_err().code(), "service-not-installed");
}

#[test]
fn a_unit_is_for_root_alone_also_where_one_was_there() {
    let machine = Machine::new("nothing");
    let mode = || fs::metadata(machine.systemd.unit_path()).unwrap().mode() & 0o777;
    machine.systemd.install(&machine.unit()).unwrap();
    assert_eq!(mode(), 0o600);
    fs::set_permissions(machine.systemd.unit_path(), fs::Permissions::from_mode(0o644)).unwrap();
    machine.will_be(&["active"; LOOKS as usize]);
    machine.systemd.install(&machine.unit()).unwrap();
    assert_eq!(mode(), 0o600);
}

#[test]
fn who_may_not_read_the_unit_is_told_the_folder_by_systemd() {
    let machine = Machine::new("nothing");
    assert_eq!(machine.systemd.data_dir(), None);
    // Root may read any file, and no folder.
    fs::create_dir(machine.systemd.unit_path()).unwrap();
    assert_eq!(machine.systemd.data_dir(), Some("/srv/shown".into()));
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

#[test]
fn a_worker_that_ends_right_after_its_start_is_not_said_to_run() {
    for (states, said) in [(vec!["activating"], "activating"), (vec!["active", "active", "failed"], "failed")] {
        let machine = Machine::new("nothing");
        let unit = machine.unit();
        machine.will_be(&states);
        let error = machine.systemd.install(&unit).unwrap_err();
        assert_eq!(error.code(), "service-down");
        assert!(error.to_string().ends_with(&format!("systemd says `{said}`")), "{error}");
        assert!(error.hint().contains("`journalctl -u millrace-worker.service -n 50`"), "{}", error.hint());
        let looks = vec!["is-active millrace-worker.service"; states.len()];
        assert_eq!(machine.said()[3..], looks, "nothing is asked after that, and nothing taken away");
        assert_eq!(fs::read_to_string(machine.systemd.unit_path()).unwrap(), unit.text().unwrap());
    }
}

#[test]
fn a_worker_is_looked_at_until_the_last_look() {
    let machine = Machine::new("nothing");
    let mut states = ["active"; LOOKS as usize];
    states[LOOKS as usize - 1] = "activating";
    machine.will_be(&states);
    assert_eq!(machine.systemd.install(&machine.unit()).unwrap_err().code(), "service-down");
}

#[test]
fn a_systemd_that_does_not_say_how_the_worker_is_is_no_worker_that_runs() {
    let machine = Machine::new("is-active");
    let error = machine.systemd.install(&machine.unit()).unwrap_err();
    assert_eq!(error.code(), "service-down");
    assert!(error.to_string().ends_with("systemd says `no is-active today`"), "{error}");
}

#[test]
fn a_worker_is_looked_at_more_often_than_systemd_starts_it_anew() {
    let text = Machine::new("nothing").unit().text().unwrap();
    let anew = text.lines().find_map(|line| line.strip_prefix("RestartSec=")).unwrap();
    assert!(PAUSE < Duration::from_secs(anew.parse().unwrap()));
}

/// Makes each in a folder; those that end with a slash are folders.
fn fill(folder: &Path, names: &[&str]) {
    fs::create_dir(folder).unwrap();
    for name in names {
        match name.strip_suffix('/') {
            Some(name) => fs::create_dir(folder.join(name)).unwrap(),
            None => fs::write(folder.join(name), "").unwrap(),
        }
    }
}

#[test]
fn a_folder_with_something_of_others_stays_as_it_is() {
    let cases: [&[&str]; 3] = [&["letters"], &["lost+found/", "letters"], &["rig.json"]];
    for names in cases {
        let machine = Machine::new("nothing");
        let unit = machine.unit();
        fill(&unit.data_dir, names);
        fs::set_permissions(&unit.data_dir, fs::Permissions::from_mode(0o751)).unwrap();
        let error = machine.systemd.install(&unit).unwrap_err();
        assert_eq!(error.code(), "data-folder-foreign", "{names:?}");
        let found = names.iter().map(|name| name.trim_end_matches('/')).filter(|name| *name != "lost+found");
        let told = |name| format!("{} holds {name}, and nothing of a worker's", unit.data_dir.display());
        assert!(found.map(told).any(|told| told == error.to_string()), "{error}");
        assert!(error.hint().contains("--data-dir"), "{}", error.hint());
        assert_eq!(fs::metadata(&unit.data_dir).unwrap().mode() & 0o777, 0o751);
        assert!(machine.said().is_empty() && !machine.systemd.unit_path().exists());
    }
}

#[test]
fn a_folder_that_is_empty_or_was_a_workers_is_taken() {
    // A disk of its own; a new home.
    let cases: [&[&str]; 3] = [&[], &["lost+found/"], &[".bashrc", ".profile"]];
    for names in cases {
        let machine = Machine::new("nothing");
        let unit = machine.unit();
        fill(&unit.data_dir, names);
        machine.systemd.install(&unit).unwrap();
        assert_eq!(fs::metadata(&unit.data_dir).unwrap().mode() & 0o777, 0o700, "{names:?}");
    }
    let machine = Machine::new("nothing");
    let unit = machine.unit();
    drop(Journal::open(&unit.data_dir).unwrap());
    machine.systemd.install(&unit).unwrap();

    let machine = Machine::new("nothing");
    let unit = Unit { node_key: machine.unit().data_dir.join("rig.json"), ..machine.unit() };
    fill(&unit.data_dir, &["rig.json"]);
    machine.systemd.install(&unit).unwrap();
}

#[test]
fn a_folder_that_cannot_be_looked_into_is_not_taken() {
    let machine = Machine::new("nothing");
    let unit = machine.unit();
    fs::write(&unit.data_dir, "a file").unwrap();
    assert_eq!(machine.systemd.install(&unit).unwrap_err().code(), "unit-unwritable");
    assert!(machine.said().is_empty() && !machine.systemd.unit_path().exists());
}
