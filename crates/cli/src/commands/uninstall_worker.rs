use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

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

/// Takes the worker away from systemd.
///
/// # Errors
/// A worker that is not installed, a unit that cannot be removed, a `systemctl` that fails.
pub fn run(context: &Context<'_>) -> Result<(), Failure> {
    let systemd = Systemd::of_machine();
    let (unit, data_dir) = (systemd.unit_path(), systemd.data_dir());
    systemd.uninstall()?;
    context.output.report(&Uninstalled { unit, data_dir });
    Ok(())
}
