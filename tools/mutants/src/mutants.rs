//! What may be taken away from the program or changed in it, and how.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use syn::visit::Visit;

use crate::edit::Edit;
use crate::finder::Finder;

/// One thing that is taken away, or another than it was.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What switches it off in the copy.
    pub number: usize,
    /// Relative to the repository.
    pub file: PathBuf,
    pub line: usize,
    /// What it is about, on one line.
    pub text: String,
    pub way: Way,
}

#[derive(Clone, Debug)]
pub enum Way {
    /// Rewritten so that it can be switched off while the program runs.
    Switched(Vec<Edit>),
    /// What the compiler must see gone.
    Built(Vec<Edit>),
}

impl Mutant {
    /// For people.
    pub fn name(&self) -> String {
        format!("{}:{}: {}", self.file.display(), self.line, self.text)
    }

    /// Its name, the same while lines above it come and go.
    pub fn key(&self) -> String {
        format!("{}: {}", self.file.display(), self.text)
    }

    /// The module of `tests/program` that is about it, where there is one.
    pub fn own_tests(&self) -> Option<String> {
        let instruction = self.file.components().any(|part| part.as_os_str() == "instructions");
        instruction.then(|| format!("{}::", self.file.file_stem().unwrap_or_default().display()))
    }

    pub fn switched(&self) -> &[Edit] {
        match &self.way {
            Way::Switched(edits) => edits,
            Way::Built(_) => &[],
        }
    }

    pub fn built(&self) -> &[Edit] {
        match &self.way {
            Way::Switched(_) => &[],
            Way::Built(edits) => edits,
        }
    }
}

/// The sources below a folder of the repository, by their path.
pub fn sources(root: &Path, folder: &str) -> Result<BTreeMap<PathBuf, String>> {
    let mut folders = vec![PathBuf::from(folder)];
    let mut files = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(root.join(&path)).with_context(|| path.display().to_string())?;
                files.insert(path, source);
            }
        }
    }
    Ok(files)
}

/// Every mutant of these sources.
///
/// # Errors
/// When a source is not Rust, or has a check that cannot be taken away without moving another.
pub fn find_all(sources: &BTreeMap<PathBuf, String>) -> Result<Vec<Mutant>> {
    let mut mutants = Vec::new();
    for (file, source) in sources {
        let parsed = syn::parse_file(source).with_context(|| file.display().to_string())?;
        let mut finder = Finder::new(file, source, mutants);
        finder.visit_file(&parsed);
        mutants = finder.finish()?;
    }
    Ok(mutants)
}
