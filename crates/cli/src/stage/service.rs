//! A Millrace service as a child process.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use millrace_protocol::Diagnostic;
use serde_json::Value;
use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::environment;

/// How long a service may take to say that it is up.
const START: Duration = Duration::from_secs(60);
/// How long a service may take to end when asked to.
const END: Duration = Duration::from_secs(10);
/// Of the log, shown when a service fails.
const LAST_LINES: usize = 12;

/// Why a service is not up.
#[derive(Debug, Error)]
pub enum Error {
    #[error("`{name}` cannot be started")]
    NotStarted { name: String, source: io::Error },
    #[error("`{name}` ended before it was up:\n{last_lines}")]
    Ended { name: String, log: PathBuf, last_lines: String },
    #[error("`{name}` was not up after {} s:\n{last_lines}", START.as_secs())]
    Silent { name: String, log: PathBuf, last_lines: String },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NotStarted { .. } => "service-not-started",
            Self::Ended { .. } => "service-ended",
            Self::Silent { .. } => "service-silent",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotStarted { .. } => "check free space, and that the folder may be written".to_owned(),
            Self::Ended { log, .. } | Self::Silent { log, .. } => format!("the whole log is `{}`", log.display()),
        }
    }
}

/// A running service. Dropped, it is killed.
pub struct Service {
    name: String,
    child: Child,
    /// The service ends when this closes: also when this process is killed, without a word.
    stdin: Option<ChildStdin>,
    /// Kept open, so that the service can go on writing.
    _stdout: ChildStdout,
    log: PathBuf,
}

impl Service {
    /// Starts `binary` with `arguments` and returns when it has reported, as JSON, that it is up.
    /// Its log is appended to `log`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn start(name: &str, binary: &Path, arguments: &[String], log: PathBuf) -> Result<(Self, Value), Error> {
        let failed = |source| Error::NotStarted { name: name.to_owned(), source };
        let file = File::options().create(true).append(true).open(&log).map_err(failed)?;
        let mut child = Command::new(binary)
            .arg("--json")
            .args(arguments)
            // What this machine's owner has set for a rig of theirs is not for one on stage.
            .env(environment::CONFIG.name, "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            // A Ctrl-C at the terminal is for the parent, which ends its services in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take();
        let mut stdout = child.stdout.take().expect("stdout is piped");
        match timeout(START, report(&mut stdout)).await {
            Ok(Ok(Some(report))) => Ok((Self { name: name.to_owned(), child, stdin, _stdout: stdout, log }, report)),
            Ok(_) => {
                let _ = child.wait().await;
                let last_lines = last_lines(&log);
                Err(Error::Ended { name: name.to_owned(), log, last_lines })
            }
            Err(_) => Err(Error::Silent { name: name.to_owned(), last_lines: last_lines(&log), log }),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Kills it, as a power cut does: SIGKILL, no goodbye.
    pub async fn kill(mut self) {
        let _ = self.child.kill().await;
    }

    /// Asks it to end, and kills it where it does not.
    pub async fn end(mut self) {
        drop(self.stdin.take());
        if timeout(END, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    /// Whether it ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

/// The first JSON value on stdout; `None` when it ends before.
async fn report(stdout: &mut ChildStdout) -> io::Result<Option<Value>> {
    let mut text = Vec::new();
    loop {
        if stdout.read_buf(&mut text).await? == 0 {
            return Ok(None);
        }
        if let Ok(value) = serde_json::from_slice(&text) {
            return Ok(Some(value));
        }
    }
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, folder: &Path) -> Result<(Service, Value), Error> {
        let path = folder.join("service");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        let arguments = [path.display().to_string()];
        // `sh --json FILE` would be wrong, so the flag goes to a shell that ignores it.
        let wrapper = folder.join("wrapper");
        std::fs::write(&wrapper, "#!/bin/sh\nshift\nexec sh \"$@\"\n").unwrap();
        let mut permissions = std::fs::metadata(&wrapper).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        std::fs::set_permissions(&wrapper, permissions).unwrap();
        Service::start("test", &wrapper, &arguments, folder.join("log")).await
    }

    #[tokio::test]
    async fn a_service_reports_and_ends_when_its_input_closes() {
        let folder = tempfile::tempdir().unwrap();
        let (mut service, report) =
            shell("echo '{\"up\":'; sleep 0.1; echo 'true}'; cat", folder.path()).await.unwrap();
        assert_eq!(report, serde_json::json!({ "up": true }));
        assert!(!service.has_ended());
        service.end().await;
    }

    #[tokio::test]
    async fn a_service_on_stage_knows_nothing_of_this_machines_rig() {
        let folder = tempfile::tempdir().unwrap();
        let (service, report) = shell("echo \"\\\"$MILLRACE_CONFIG\\\"\"; cat", folder.path()).await.unwrap();
        assert_eq!(report, "/dev/null");
        service.end().await;
    }

    #[tokio::test]
    async fn a_service_that_ends_shows_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let error = shell("echo 'port taken' >&2; exit 1", folder.path()).await.err().unwrap();
        assert_eq!(error.code(), "service-ended");
        assert!(error.to_string().contains("port taken"), "{error}");
    }
}
