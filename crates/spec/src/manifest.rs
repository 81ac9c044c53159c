use serde::{Deserialize, Serialize};

use crate::ObjectRef;
use crate::job_spec::is_plain_path;

/// The files that were brought away of a task at one moment, by path below their folder: a checkpoint, or what is
/// finished of its outputs. An object of the network's, like the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// In order of paths, each once.
    pub files: Vec<ManifestFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Relative, `/`-separated.
    pub path: String,
    pub object: ObjectRef,
}

impl Manifest {
    /// Most bytes that one may have: room for the paths that outputs may have, and their hashes.
    pub const LONGEST: u64 = 4 * 1024 * 1024;

    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and integers are always JSON")
    }

    /// `None` for what is none: no JSON, a path that leads elsewhere or comes twice, a file below a file.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let manifest: Self = serde_json::from_slice(bytes).ok()?;
        let paths = || manifest.files.iter().map(|file| file.path.as_str());
        let plain = !manifest.files.is_empty() && paths().all(is_plain_path) && paths().is_sorted_by(|a, b| a < b);
        let all: std::collections::BTreeSet<&str> = paths().collect();
        let nested = paths().any(|path| path.match_indices('/').any(|(end, _)| all.contains(&path[..end])));
        (plain && !nested).then_some(manifest)
    }

    /// Bytes of all files; saturates.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.object.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(paths: &[&str]) -> Manifest {
        let file = |path: &&str| ManifestFile {
            path: (*path).to_owned(),
            object: ObjectRef { sha256: crate::sha256(path.as_bytes()), size: 3 },
        };
        Manifest { files: paths.iter().map(file).collect() }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let written = manifest(&["a", "b-c", "b/c"]);
        assert_eq!(Manifest::from_bytes(&written.to_bytes()), Some(written.clone()));
        assert_eq!(written.bytes(), 9);
    }

    #[test]
    fn a_manifest_that_leads_out_of_its_folder_or_says_nothing_is_none() {
        for paths in [
            &[][..],
            &["../a"],
            &["/a"],
            &["a//b"],
            &["a\\b"],
            &["b", "a"],
            &["a", "a"],
            &["a", "a-b", "a/b"],
            &["a", "a/b/c"],
        ] {
            assert_eq!(Manifest::from_bytes(&manifest(paths).to_bytes()), None, "{paths:?}");
        }
        for bytes in [&b""[..], b"{}", br#"{"files":[],"more":1}"#, b"\xff"] {
            assert_eq!(Manifest::from_bytes(bytes), None);
        }
    }
}
