use millrace_protocol::{Seconds, Verification};
use serde::{Deserialize, Serialize};

use crate::job_spec::is_plain_path;
use crate::{Error, JobSpec, ObjectRef, Shape};

/// How often what a task keeps for its next attempt is brought away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpointing {
    /// From the container's start, and from one checkpoint to the next.
    pub every: Seconds,
}

const OFTENEST: Seconds = Seconds(10);
const RAREST: Seconds = Seconds(86_400);

impl Checkpointing {
    /// # Errors
    /// [`Error::Field`], [`Error::CheckpointUnsealed`].
    pub(crate) fn check(&self, spec: &JobSpec) -> Result<(), Error> {
        let field = |field, value: String, expected| Err(Error::Field { field, value, expected });
        let every = format!("{}s", self.every.0);
        if self.every < OFTENEST || self.every > RAREST {
            return field("checkpoint.every", every, "`10s` to `1d`");
        }
        if matches!(spec.shape, Some(Shape::Service(_))) {
            return field("checkpoint", every, "left out of a service: its replicas are no attempts at one task");
        }
        if matches!(spec.terms.verification, Verification::Quorum { .. } | Verification::SpotCheck { .. }) {
            let expected = "left out where results are compared: each rig is to come to them by itself";
            return field("checkpoint", every, expected);
        }
        // The next rig is not known yet, so nothing could be sealed to it.
        if spec.sealed.as_ref().is_some_and(|sealed| sealed.outputs.is_some()) {
            return Err(Error::CheckpointUnsealed);
        }
        Ok(())
    }
}

/// The files of one checkpoint, by path below the folder. An object of the network's, like the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointManifest {
    /// In order of paths, each once.
    pub files: Vec<CheckpointFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointFile {
    /// Relative, `/`-separated.
    pub path: String,
    pub object: ObjectRef,
}

impl CheckpointManifest {
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

    fn manifest(paths: &[&str]) -> CheckpointManifest {
        let file = |path: &&str| CheckpointFile {
            path: (*path).to_owned(),
            object: ObjectRef { sha256: crate::sha256(path.as_bytes()), size: 3 },
        };
        CheckpointManifest { files: paths.iter().map(file).collect() }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let written = manifest(&["a", "b-c", "b/c"]);
        assert_eq!(CheckpointManifest::from_bytes(&written.to_bytes()), Some(written.clone()));
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
            assert_eq!(CheckpointManifest::from_bytes(&manifest(paths).to_bytes()), None, "{paths:?}");
        }
        for bytes in [&b""[..], b"{}", br#"{"files":[],"more":1}"#, b"\xff"] {
            assert_eq!(CheckpointManifest::from_bytes(bytes), None);
        }
    }
}
