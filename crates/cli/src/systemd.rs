//! The worker as a service of systemd.

mod unit;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use millrace_protocol::Diagnostic;
use thiserror::Error;

pub use unit::Unit;

/// The unit's name.
pub const SERVICE: &str = "millrace-worker.service";

/// How often a worker that was just started is looked at: one that is set up wrongly ends within a second or two.
const LOOKS: u32 = 6;

/// Before each look. Shorter than the unit's `RestartSec`, so that no end is missed.
const PAUSE: Duration = Duration::from_millis(500);

/// Why a worker is not, or not any more, a service.
#[derive(Debug, Error)]
pub enum Error {
    #[error("systemd does not run this machine")]
    Missing {
        /// What runs the worker by hand.
        command: String,
    },
    #[error("there is no account `{user}` on this machine")]
    UserUnknown { user: String, data_dir: PathBuf },
    #[error("{} is emptied when the machine starts", path.display())]
    Temporary { path: PathBuf },
    #[error(transparent)]
    DataDir(millrace_worker::Error),
    #[error("`{text}` cannot be written into a unit")]
    Unspeakable { text: String },
    #[error("{} cannot be written", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("`{command}` failed: {said}")]
    Failed { command: String, said: String },
    #[error("the worker is a service now and does not stay up: systemd says `{state}`")]
    Down { state: String },
    #[error("no worker is installed: there is no {}", path.display())]
    NotInstalled { path: PathBuf },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "systemd-missing",
            Self::UserUnknown { .. } => "service-user-unknown",
            Self::Temporary { .. } => "data-folder-temporary",
            Self::DataDir(source) => source.code(),
            Self::Unspeakable { .. } => "unit-unspeakable",
            Self::Unwritable { .. } => "unit-unwritable",
            Self::Failed { .. } => "systemctl-failed",
            Self::Down { .. } => "service-down",
            Self::NotInstalled { .. } => "service-not-installed",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Missing { command } => {
                format!("have this machine's service manager run `{command}`, or see the unit with `--print`")
            }
            Self::UserUnknown { user, data_dir } => format!(
                "make it with `sudo useradd --system --home-dir {} {user}`, or name another with `--user`",
                data_dir.display()
            ),
            Self::Temporary { .. } => "name another folder with `--data-dir`, such as /var/lib/millrace".to_owned(),
            Self::DataDir(source) => source.hint(),
            Self::Unspeakable { .. } => {
                "leave out line breaks, and in paths and names also spaces, quotes, `:`, `$` and `\\`".to_owned()
            }
            Self::Unwritable { .. } => {
                "run the same command with `sudo`, and `--config` with your config file: root has another".to_owned()
            }
            Self::Failed { .. } => format!("`journalctl -u {SERVICE}` says more; `sudo` may be missing"),
            Self::Down { .. } => format!(
                "`journalctl -u {SERVICE} -n 50` says why: mend it and run the same command again, or `sudo millrace \
                 worker uninstall`"
            ),
            Self::NotInstalled { .. } => {
                "a worker that was started by hand ends with Ctrl-C; `millrace worker install` makes a service"
                    .to_owned()
            }
        }
    }
}

/// Where systemd keeps things.
#[derive(Clone, Debug)]
pub struct Systemd {
    units: PathBuf,
    /// Exists where systemd is what started the machine: sd_booted(3).
    booted: PathBuf,
    systemctl: PathBuf,
    /// Folders that do not outlive the machine's next start.
    temporary: &'static [&'static str],
    pause: Duration,
}

impl Systemd {
    pub fn of_machine() -> Self {
        Self {
            units: "/etc/systemd/system".into(),
            booted: "/run/systemd/system".into(),
            systemctl: "systemctl".into(),
            temporary: &["/tmp", "/var/tmp", "/run", "/dev"],
            pause: PAUSE,
        }
    }

    /// Whether this machine is systemd's.
    pub fn is_here(&self) -> bool {
        self.booted.is_dir()
    }

    pub fn unit_path(&self) -> PathBuf {
        self.units.join(SERVICE)
    }

    /// The data folder of the worker that is installed.
    pub fn data_dir(&self) -> Option<PathBuf> {
        match fs::read_to_string(self.unit_path()) {
            Ok(text) => unit::data_dir(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // It is root's, and systemd tells everybody.
            Err(_) => unit::data_dir(&String::from_utf8_lossy(&self.systemctl("show").ok()?.stdout)),
        }
    }

    /// Makes the data folder and the unit, starts the worker, anew if it runs, and sees whether it stays up. A unit
    /// that systemd does not take is not left behind; one whose worker ends is: an endpoint that is away comes back.
    ///
    /// # Errors
    /// [`Error::UserUnknown`], [`Error::Temporary`], [`Error::DataDir`], [`Error::Unspeakable`],
    /// [`Error::Unwritable`], [`Error::Failed`], [`Error::Down`].
    pub fn install(&self, unit: &Unit) -> Result<(), Error> {
        let text = unit.text()?;
        if self.temporary.iter().any(|folder| unit.data_dir.starts_with(folder)) {
            return Err(Error::Temporary { path: unit.data_dir.clone() });
        }
        let (user, group) = ids(&unit.user)
            .ok_or_else(|| Error::UserUnknown { user: unit.user.clone(), data_dir: unit.data_dir.clone() })?;
        let unwritable = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Unwritable { path, source }
        };
        millrace_worker::check_data_dir(&unit.data_dir, |path| path == unit.node_key).map_err(|error| match error {
            millrace_worker::Error::DataDir { path, source } => Error::Unwritable { path, source },
            other => Error::DataDir(other),
        })?;
        let path = self.unit_path();
        let before = fs::read_to_string(&path).ok();
        fs::create_dir_all(&unit.data_dir).map_err(unwritable(&unit.data_dir))?;
        fs::set_permissions(&unit.data_dir, fs::Permissions::from_mode(0o700)).map_err(unwritable(&unit.data_dir))?;
        chown(&unit.data_dir, Some(user), Some(group)).map_err(unwritable(&unit.data_dir))?;
        write(&path, &text).map_err(unwritable(&path))?;
        let started = ["daemon-reload", "enable", "restart"].into_iter().try_for_each(|verb| self.ask(verb));
        if started.is_err() {
            let _ = match before {
                Some(before) => write(&path, &before),
                None => {
                    // Else systemd goes on trying to start it, and would at each start of the machine.
                    let _ = self.ask("disable");
                    let _ = self.ask("stop");
                    fs::remove_file(&path)
                }
            };
            let _ = self.ask("daemon-reload");
        }
        started?;
        self.watch()
    }

    /// Until a worker that cannot work would have ended.
    fn watch(&self) -> Result<(), Error> {
        for _ in 0..LOOKS {
            thread::sleep(self.pause);
            let output = self.systemctl("is-active")?;
            if !output.status.success() {
                let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
                return Err(Error::Down { state: String::from_utf8_lossy(&said).trim().to_owned() });
            }
        }
        Ok(())
    }

    /// Stops the worker and removes its unit. Containers go on until their leases end.
    ///
    /// # Errors
    /// [`Error::NotInstalled`], [`Error::Unwritable`], [`Error::Failed`].
    pub fn uninstall(&self) -> Result<(), Error> {
        let path = self.unit_path();
        if !path.exists() {
            return Err(Error::NotInstalled { path });
        }
        if self.is_here() {
            self.ask("disable")?;
            self.ask("stop")?;
        }
        fs::remove_file(&path).map_err(|source| Error::Unwritable { path, source })?;
        if self.is_here() { self.ask("daemon-reload") } else { Ok(()) }
    }

    fn ask(&self, verb: &str) -> Result<(), Error> {
        let output = self.systemctl(verb)?;
        if output.status.success() { Ok(()) } else { Err(failed(verb, &String::from_utf8_lossy(&output.stderr))) }
    }

    fn systemctl(&self, verb: &str) -> Result<Output, Error> {
        let mut command = Command::new(&self.systemctl);
        command.arg(verb);
        if verb != "daemon-reload" {
            command.arg(SERVICE);
        }
        command.output().map_err(|error| failed(verb, &error.to_string()))
    }
}

/// For root alone, who starts it: the endpoint in it may be paid for by a key in its URL.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

fn failed(verb: &str, said: &str) -> Error {
    Error::Failed { command: format!("systemctl {verb}"), said: said.trim().to_owned() }
}

/// User and group id of an account, wherever accounts are kept.
pub fn ids(user: &str) -> Option<(u32, u32)> {
    let id = |flag: &str| {
        let output = Command::new("id").args([flag, "--", user]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    Some((id("-u")?, id("-g")?))
}

#[cfg(test)]
mod tests;
