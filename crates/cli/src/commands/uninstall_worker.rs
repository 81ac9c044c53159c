use std::path::{Path, PathBuf};

use millrace_protocol::Diagnostic;
use millrace_worker::control::{self, Ask};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::UninstallWorker;
use crate::commands::drain_worker::{held, named, owed, pending, pending_at_rest};
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
    /// Without it `drain` may find another rig.
    data_dir: PathBuf,
    /// Whether a worker is there to finish them.
    running: bool,
}

impl Diagnostic for Busy {
    fn code(&self) -> &'static str {
        "worker-busy"
    }

    fn hint(&self) -> String {
        let start = if self.running { "" } else { "start it with `systemctl start millrace-worker`, then " };
        let flag = named(&self.data_dir);
        format!("{start}finish them with `millrace worker drain --wait{flag}` first; `--force` gives their bonds up")
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
        Err(control::Error::NotRunning { .. }) => (pending_at_rest(data_dir), false),
        // What does not answer is no better for staying.
        Err(_) => (None, true),
    };
    Ok(due.map(|due| Busy { due, data_dir: data_dir.to_owned(), running }))
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Address;
    use millrace_worker::journal::Journal;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn what_a_worker_has_promised_that_does_not_run_its_journal_says() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path()).unwrap();
        assert!(busy(folder.path()).await.unwrap().is_none());
        let (lease, root, salt) = (Address([1; 32]), "0".repeat(64), [0; 32]);
        let vote = json!({ "record": "vote_prepared", "lease": lease, "root": root, "salt": salt });
        journal.append(&serde_json::from_value(vote).unwrap()).unwrap();
        let busy = busy(folder.path()).await.unwrap().unwrap();
        assert_eq!(busy.to_string(), "the rig still has 1 result to show");
        assert!(busy.hint().contains("systemctl start"), "{}", busy.hint());
        let drain = format!("`millrace worker drain --wait --data-dir {}`", folder.path().display());
        assert!(busy.hint().contains(&drain), "{}", busy.hint());
    }
}
