//! A copy of the repository, in which the program is changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::edit::{Edit, applied};

/// Where a switch is: the numbers of the checks that are absent.
pub const VARIABLE: &str = "MILLRACE_ABSENT";
/// Which of the program's sources reads it, and how.
const ROOT: &str = "programs/millrace/src/lib.rs";
const QUIET: &str = "#![allow(warnings)]\n";
const SWITCH: &str = r#"
#[doc(hidden)]
pub fn absent(check: usize) -> bool {
    static ABSENT: std::sync::LazyLock<Vec<usize>> = std::sync::LazyLock::new(|| {
        let numbers = std::env::var("MILLRACE_ABSENT").unwrap_or_default();
        numbers.split_terminator(',').map(|number| number.parse().expect("numbers of checks")).collect()
    });
    ABSENT.contains(&check)
}
"#;
/// A signature is asked for by a constraint with a switch; by the type's name Anchor still tells clients who signs.
const SIGNER: &str = "\nuse anchor_lang::prelude::UncheckedAccount as Signer;\n";

/// Copies what git tracks, as it lies there now, with the time of each file: what has not changed is not
/// built again.
///
/// # Errors
/// When git does not answer, or a file cannot be written.
pub fn refresh(root: &Path, tree: &Path) -> Result<()> {
    let files = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
    ensure!(files.status.success(), "git ls-files: {}", String::from_utf8_lossy(&files.stderr));
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    for file in String::from_utf8(files.stdout)?.split_terminator('\0') {
        let (from, to) = (root.join(file), tree.join(file));
        // Deleted, and not yet told git.
        if from.is_file() {
            fs::create_dir_all(to.parent().context("a file has a folder")?)?;
            fs::copy(&from, &to).with_context(|| file.to_owned())?;
            fs::File::options().write(true).open(&to)?.set_modified(from.metadata()?.modified()?)?;
        }
    }
    Ok(())
}

/// Writes the program's sources with these edits of them.
///
/// # Errors
/// When a file cannot be written.
pub fn change(tree: &Path, sources: &BTreeMap<PathBuf, String>, edits: &[(&Path, &[Edit])]) -> Result<()> {
    for (file, source) in sources {
        let own = edits.iter().filter(|(of, _)| of == file).flat_map(|(_, edits)| *edits);
        let mut text = applied(source, own);
        text = if file == Path::new(ROOT) { format!("{QUIET}{text}{SWITCH}") } else { text + SIGNER };
        fs::write(tree.join(file), text).with_context(|| file.display().to_string())?;
    }
    Ok(())
}
