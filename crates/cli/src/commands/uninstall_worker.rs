use std::path::{Path, PathBuf};
use std::time::SystemTime;

use millrace_protocol::{Diagnostic, UnixSeconds};
use millrace_worker::control::{self, Ask};
use millrace_worker::status::at_rest;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::UninstallWorker;
use crate::commands::drain_worker::{held, owed, pending};
use crate::context::Context;
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::systemd::Systemd;

#[derive(Serialize)]
struct Uninstalled {
    unit: PathBuf,
    data_dir: Option<PathBuf>,
}

impl Report for Uninstalled {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let folder = self.data_dir.as_ref().map_or_else(|| "its own".to_owned(), |path| path.display().to_string());
        let rows = output::rows([
            ("removed", self.unit.display().to_string()),
            ("stays", format!("{folder}  (journal and inputs; the key, too, where it lies)")),
        ]);
        format!("{}\n{rows}", style.good("the worker is no service any more, and does not run"))
    }

    fn next(&self) -> Vec<String> {
        vec!["millrace node list  (a rig whose worker does not run should be drained or removed)".to_owned()]
    }
}

/// The rig has promised what it would break.
#[derive(Debug, Error)]
#[error("the rig still has {due}")]
struct Busy {
    due: String,
    /// Whether a worker is there to finish them.
    running: bool,
}

impl Diagnostic for Busy {
    fn code(&self) -> &'static str {
        "worker-busy"
    }

    fn hint(&self) -> String {
        let start = if self.running { "" } else { "start it with `systemctl start millrace-worker`, then " };
        format!("{start}finish them with `millrace worker drain --wait` first; `--force` gives their bonds up")
    }
}

/// Takes the worker away from systemd.
///
/// # Errors
/// A worker that is not installed, holds leases or has results to show, a unit that cannot be removed, a `systemctl` that fails.
pub async fn run(context: &Context<'_>, args: UninstallWorker) -> Result<(), Failure> {
    let systemd = Systemd::of_machine();
    let (unit, data_dir) = (systemd.unit_path(), systemd.data_dir());
    if let (false, Some(data_dir)) = (args.force, &data_dir)
        && let Some(busy) = busy(data_dir).await?
    {
        return Err(Failure::refused(&busy));
    }
    systemd.uninstall()?;
    context.output.report(&Uninstalled { unit, data_dir });
    Ok(())
}

/// What the rig on this folder has promised and not done yet.
async fn busy(data_dir: &Path) -> Result<Option<Busy>, Failure> {
    let (due, running) = match control::ask(data_dir, Ask::Status).await {
        Ok(status) => (pending(held(&status.leases).len(), owed(&status).len()), true),
        Err(error @ control::Error::NotAllowed { .. }) => return Err(error.into()),
        Err(control::Error::NotRunning { .. }) => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            // A journal that is not there, or is damaged, is no better for staying.
            let leases = at_rest(data_dir, UnixSeconds(now.as_secs())).unwrap_or_default();
            (pending(held(&leases).len(), 0), false)
        }
        // Neither is a worker that does not answer.
        Err(_) => (None, true),
    };
    Ok(due.map(|due| Busy { due, running }))
}
