use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, PACKAGE};

/// Where `tools/sbf/install` puts it unless it is told otherwise.
const DEFAULT_ROOT: &str = "/opt/sbf-toolchain";

/// The toolchain of `tools/sbf`, installed on this machine.
#[derive(Debug, Clone)]
pub struct Toolchain {
    root: PathBuf,
}

impl Toolchain {
    /// The one in `$MILLRACE_SBF_TOOLCHAIN` or in the default place, if it is complete.
    pub fn find() -> Option<Self> {
        let root = env::var_os("MILLRACE_SBF_TOOLCHAIN").map_or_else(|| DEFAULT_ROOT.into(), PathBuf::from);
        root.join(".complete").is_file().then_some(Self { root })
    }

    /// What its installation wrote down: tool and version.
    ///
    /// Errors: [`Error::Read`].
    pub fn versions(&self) -> Result<BTreeMap<String, String>, Error> {
        let path = self.root.join(".versions");
        let text = fs::read_to_string(&path).map_err(|source| Error::Read { path, source })?;
        Ok(text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(tool, version)| (tool.into(), version.into()))
            .collect())
    }

    /// Builds the program of `workspace` into `out`. Needs root.
    ///
    /// Errors: [`Error::Run`], [`Error::Failed`] with what the compiler said.
    pub fn build(&self, workspace: &Path, out: &Path) -> Result<(), Error> {
        let program = workspace.join("tools/sbf/build");
        let output = Command::new(&program)
            .args([workspace.as_os_str(), PACKAGE.as_ref(), out.as_os_str(), self.root.as_os_str()])
            .output()
            .map_err(|source| Error::Run { program: program.display().to_string(), source })?;
        if output.status.success() {
            return Ok(());
        }
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Error::Failed { program: program.display().to_string(), stderr })
    }
}
