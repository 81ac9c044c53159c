//! Hashes of the files that go into the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::Error;

/// Folders that count with everything below them, and single files.
const FOLDERS: [&str; 3] = ["programs/millrace/src", "crates/protocol/src", "tools/sbf"];
const FILES: [&str; 2] = ["programs/millrace/Cargo.toml", "crates/protocol/Cargo.toml"];

/// SHA-256 of every source file by its path from the workspace root.
pub(crate) fn digests(workspace: &Path) -> Result<BTreeMap<String, String>, Error> {
    let mut paths: Vec<PathBuf> = FILES.iter().map(|file| workspace.join(file)).collect();
    for folder in FOLDERS {
        collect(&workspace.join(folder), &mut paths)?;
    }
    let mut digests = BTreeMap::new();
    for path in paths {
        let name = path.strip_prefix(workspace).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        digests.insert(name, digest_file(&path)?);
    }
    Ok(digests)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if !is_beside_the_point(&name) {
            paths.push(path);
        }
    }
    Ok(())
}

/// Prose changes no byte of the program, and what editors leave behind is nobody's source.
fn is_beside_the_point(name: &str) -> bool {
    name.ends_with(".md") || name.starts_with('.') || name.ends_with('~')
}

pub(crate) fn digest_file(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Ok(digest(&bytes))
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in FOLDERS {
            fs::create_dir_all(root.path().join(folder).join("deep")).unwrap();
            fs::write(root.path().join(folder).join("deep/one.rs"), folder).unwrap();
        }
        for file in FILES {
            fs::write(root.path().join(file), file).unwrap();
        }
        root
    }

    #[test]
    fn every_file_counts_at_any_depth() {
        let digests = digests(workspace().path()).unwrap();
        assert_eq!(digests.len(), FOLDERS.len() + FILES.len());
        assert_eq!(digests["tools/sbf/deep/one.rs"], digest(b"tools/sbf"));
    }

    #[test]
    fn prose_and_what_editors_leave_do_not_count() {
        let root = workspace();
        let before = digests(root.path()).unwrap();
        for name in ["README.md", ".lib.rs.swp", "lib.rs~"] {
            fs::write(root.path().join("crates/protocol/src").join(name), "x").unwrap();
        }
        assert_eq!(digests(root.path()).unwrap(), before);
    }

    #[test]
    fn a_missing_manifest_is_an_error_with_its_path() {
        let root = workspace();
        fs::remove_file(root.path().join(FILES[0])).unwrap();
        let Err(Error::Read { path, .. }) = digests(root.path()) else { panic!("it was not missed") };
        assert!(path.ends_with(FILES[0]));
    }
}
