use std::path::PathBuf;

use millrace_protocol::Diagnostic;
use millrace_worker::control::{self, Ask};
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
}

impl Diagnostic for Busy {
    fn code(&self) -> &'static str {
        "worker-busy"
    }

    fn hint(&self) -> String {
        "finish them with `millrace worker drain --wait` first; `--force` gives their bonds up".to_owned()
    }
}

/// Takes the worker away from systemd.
///
/// # Errors
/// A worker that is not installed, holds leases or has results to show, a unit that cannot be removed, a `systemctl` that fails.
pub async fn run(context: &Context<'_>, args: UninstallWorker) -> Result<(), Failure> {
    let systemd = Systemd::of_machine();
    let (unit, data_dir) = (systemd.unit_path(), systemd.data_dir());
    if let (false, Some(data_dir)) = (args.force, &data_dir) {
        let status = control::ask(data_dir, Ask::Status).await;
        match status.map(|status| pending(held(&status).len(), owed(&status).len())) {
            Ok(Some(due)) => return Err(Failure::refused(&Busy { due })),
            Err(error @ control::Error::NotAllowed { .. }) => return Err(error.into()),
            // One that does not run or does not answer is no better for staying.
            Ok(None) | Err(_) => {}
        }
    }
    systemd.uninstall()?;
    context.output.report(&Uninstalled { unit, data_dir });
    Ok(())
}
