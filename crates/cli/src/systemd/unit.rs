//! The text of the worker's unit. What each directive does is told by systemd.exec(5), systemd.service(5) and
//! systemd.unit(5); the oldest systemd that knows them all is 247.

use std::path::{Path, PathBuf};

use super::Error;

/// Whatever the worker's key is called where it lies: its name among the service's credentials.
const CREDENTIAL: &str = "node-key";

/// Where systemd puts the service's credentials. Older ones have no `%d` for it.
const KEY: &str = "${CREDENTIALS_DIRECTORY}/node-key";

/// What the worker needs of root's rights, also where it is not root.
const CAPABILITIES: &str = "CAP_NET_ADMIN CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_SYS_PTRACE CAP_CHECKPOINT_RESTORE";

/// What a unit is made of. All paths are absolute.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The `millrace` that runs.
    pub program: PathBuf,
    pub rpc_url: String,
    pub data_dir: PathBuf,
    pub user: String,
    /// Group that may use Docker's socket, where the user needs one.
    pub docker_group: Option<String>,
    /// The key's file.
    pub node_key: PathBuf,
    /// Flags of `worker run` but the key and the data folder.
    pub words: Vec<String>,
}

impl Unit {
    /// # Errors
    /// [`Error::Unspeakable`].
    pub fn text(&self) -> Result<String, Error> {
        let path = |path: &Path| path.to_str().map(str::to_owned).ok_or_else(|| unspeakable(&path.to_string_lossy()));
        let program = path(&self.program)?;
        let data_dir = path(&self.data_dir)?;
        let node_key = path(&self.node_key)?;
        let mut command = vec![quoted(&program)?];
        for word in ["--rpc-url", &self.rpc_url, "worker", "run", "--data-dir", &data_dir] {
            command.push(quoted(word)?);
        }
        command.push(format!("--node-key {KEY}"));
        for word in &self.words {
            command.push(quoted(word)?);
        }
        let (command, data_dir, node_key) = (command.join(" "), plain(&data_dir)?, plain(&node_key)?);
        let user = plain(&self.user)?;
        let group =
            self.docker_group.as_ref().map_or_else(String::new, |group| format!("SupplementaryGroups={group}\n"));
        let in_homes = [&self.program, &self.data_dir].iter().any(|path| in_homes(path));
        let homes = if in_homes { "read-only" } else { "yes" };
        Ok(format!(
            "[Unit]
Description=Millrace worker: takes leases for this rig and runs their containers
Wants=network-online.target time-sync.target docker.service
After=network-online.target time-sync.target docker.service nvidia-persistenced.service
# However often it fails: an endpoint that is away comes back.
StartLimitIntervalSec=0

[Service]
Type=exec
User={user}
# The driver makes the nodes of its memory manager for the first program that computes, which is too late for the
# container that it runs in. Not on every rig, and then not needed.
ExecStartPre=-+/usr/bin/nvidia-modprobe -u -c 0
{group}ExecStart={command}
WorkingDirectory={data_dir}
Environment=HOME={data_dir}
LoadCredential={CREDENTIAL}:{node_key}
UMask=0077

Restart=always
RestartSec=5
# Called wrongly: another start says the same.
RestartPreventExitStatus=2
# Stopping leaves containers running, for the next start to adopt: it takes a moment, not a job's length.
KillMode=mixed
TimeoutStopSec=30
OOMScoreAdjust=-500

StandardOutput=journal
StandardError=journal
SyslogIdentifier=millrace-worker

# The worker talks to Docker's socket, to the GPU driver, to the network, and writes into its folder.
# PrivateDevices and MemoryDenyWriteExecute would take the GPUs away, PrivateTmp and PrivateUsers hide from
# Docker what the worker gives it.
ProtectSystem=strict
ProtectHome={homes}
ReadWritePaths={data_dir}
NoNewPrivileges=yes
# The fence around containers is nftables'. Outputs are given to a user of their lease's own, read and removed whatever
# a stranger made of them, and looked for among the files that its processes have open. Whoever may use Docker's socket
# could have all of that anyway.
CapabilityBoundingSet={CAPABILITIES}
AmbientCapabilities={CAPABILITIES}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"
        ))
    }
}

/// The data folder that a unit names.
pub fn data_dir(text: &str) -> Option<PathBuf> {
    let folder = text.lines().find_map(|line| line.strip_prefix("WorkingDirectory="))?;
    Some(PathBuf::from(folder.replace("%%", "%")))
}

fn in_homes(path: &Path) -> bool {
    ["/home", "/root", "/run/user"].iter().any(|home| path.starts_with(home))
}

/// One word of a command, whatever it holds. A line break ends a line, whatever stands around it.
fn quoted(word: &str) -> Result<String, Error> {
    if word.contains(char::is_control) {
        return Err(unspeakable(word));
    }
    let meant = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    let safe = |letter: char| letter.is_ascii_alphanumeric() || "/-_.:=,@+%".contains(letter);
    Ok(if !meant.is_empty() && meant.chars().all(safe) { meant } else { format!("\"{meant}\"") })
}

/// A value that systemd takes as it stands.
fn plain(value: &str) -> Result<String, Error> {
    let wrong = value.is_empty() || value.contains(|letter: char| letter.is_control() || " \t\"'\\:$".contains(letter));
    if wrong { Err(unspeakable(value)) } else { Ok(value.replace('%', "%%")) }
}

fn unspeakable(text: &str) -> Error {
    Error::Unspeakable { text: text.escape_debug().to_string() }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use millrace_protocol::Diagnostic;

    use super::*;

    fn unit() -> Unit {
        Unit {
            program: "/usr/local/bin/millrace".into(),
            rpc_url: "https://rpc.example/?key=a%20b".into(),
            data_dir: "/var/lib/millrace".into(),
            user: "millrace".into(),
            docker_group: Some("docker".into()),
            node_key: "/etc/millrace/rig1.json".into(),
            words: ["--orchestrator", "http://market.example:7071", "--no-network"].map(str::to_owned).to_vec(),
        }
    }

    #[test]
    fn the_unit_is_as_reviewed() {
        insta::assert_snapshot!(unit().text().unwrap());
    }

    #[test]
    fn a_worker_of_roots_in_a_home_may_do_its_work_there() {
        let text =
            Unit { user: "root".into(), docker_group: None, data_dir: "/root/rig".into(), ..unit() }.text().unwrap();
        for line in [
            "ProtectHome=read-only",
            "ReadWritePaths=/root/rig",
            "CapabilityBoundingSet=CAP_NET_ADMIN CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_SYS_PTRACE CAP_CHECKPOINT_RESTORE",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}");
        }
        assert!(!text.contains("SupplementaryGroups"));
    }

    #[test]
    fn words_mean_to_systemd_what_they_mean() {
        for (word, written) in [
            ("http://a:1/b", "http://a:1/b"),
            ("a b", "\"a b\""),
            ("50%", "50%%"),
            ("$HOME", "\"$$HOME\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(word).unwrap(), written);
        }
        let evil = Unit { rpc_url: "http://a\nExecStartPre=/bin/rm".into(), ..unit() }.text().unwrap_err();
        assert_eq!(evil.code(), "unit-unspeakable");
        for folder in ["/var/lib/a b", "/var/lib/a\nUser=root", ""] {
            let unit = Unit { data_dir: folder.into(), ..unit() };
            assert_eq!(unit.text().unwrap_err().code(), "unit-unspeakable", "{folder:?}");
        }
    }

    #[test]
    fn the_data_folder_is_found_again() {
        let text = Unit { data_dir: "/srv/50%".into(), ..unit() }.text().unwrap();
        assert_eq!(data_dir(&text), Some("/srv/50%".into()));
        assert_eq!(data_dir("[Service]\n"), None);
    }

    /// systemd's own opinion, where it is installed.
    #[test]
    fn systemd_has_nothing_to_say_against_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("millrace-worker.service");
        // A program that is there: systemd looks for it.
        let unit = Unit { program: "/bin/true".into(), user: "root".into(), docker_group: None, ..unit() };
        std::fs::write(&path, unit.text().unwrap()).unwrap();
        let verified = match Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("SKIPPED: systemd-analyze is not installed; `apt-get install systemd` brings it");
                return;
            }
            verified => verified.unwrap(),
        };
        let said = String::from_utf8_lossy(&verified.stderr);
        // Units that are not installed here are none of ours.
        let about_it: Vec<_> = said.lines().filter(|line| line.contains("millrace-worker.service")).collect();
        assert!(verified.status.success() && about_it.is_empty(), "{said}");
    }
}
