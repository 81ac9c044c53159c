use millrace_protocol::Verification;
use serde::{Deserialize, Serialize};

use crate::{Error, JobSpec, Sha256};

/// Files under `/run/secrets` that one job may have.
const MOST_FILES: usize = 64;
/// Letters of an age X25519 recipient: `age1`, 52 of the key, 6 of the checksum.
const RECIPIENT: usize = 62;

/// What a job keeps from everybody but its rigs. Only names are here: the secrets themselves go sealed from the
/// buyer to each lease's rig.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// Names under `/run/secrets`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Salt of the key that all inputs are encrypted with; none where they are as the buyer has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Sha256>,
    /// The age recipient that outputs are encrypted to; none where they stay as the container wrote them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<String>,
    /// The image's registry, where it wants a login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
}

impl Sealed {
    /// Whether a rig can begin only once the buyer has brought something.
    pub fn is_awaited(&self) -> bool {
        !self.files.is_empty() || self.inputs.is_some() || self.registry.is_some()
    }

    /// # Errors
    /// [`Error::Field`].
    pub(crate) fn check(&self, spec: &JobSpec) -> Result<(), Error> {
        let field = |field, value: String, expected| Err(Error::Field { field, value, expected });
        if *self == Self::default() {
            return field("sealed", "empty".to_owned(), "left out where nothing is sealed");
        }
        if self.files.len() > MOST_FILES {
            return field("secrets", format!("{} files", self.files.len()), "at most 64 files");
        }
        if let Some(name) = self.files.iter().find(|name| !is_plain_name(name)) {
            return field("secrets", name.clone(), "1 to 100 letters, digits, `_`, `-` and `.`, not first");
        }
        if !self.files.is_sorted_by(|a, b| a < b) {
            return field("secrets", self.files.join(", "), "each named once, in order");
        }
        if self.inputs.is_some() && spec.inputs.is_empty() {
            return field("encryption.inputs", "true".to_owned(), "left out where there are no inputs");
        }
        if let Some(host) = self.registry.as_ref().filter(|host| *host != registry_of(&spec.image)) {
            return field("registry", host.clone(), "the registry of the job's image");
        }
        let Some(recipient) = &self.outputs else { return Ok(()) };
        if !is_recipient(recipient) {
            return field("encryption.outputs", recipient.clone(), "`wallet` or an age recipient such as `age1…`");
        }
        if matches!(spec.terms.verification, Verification::Quorum { .. } | Verification::SpotCheck { .. }) {
            let expected = "left out where results are compared: no two encryptions of one file are the same";
            return field("encryption.outputs", recipient.clone(), expected);
        }
        Ok(())
    }
}

/// The registry that an image's name means, as container engines read it: the part before the first `/` if that
/// can be a host and no folder of Docker's own, which otherwise it is. Folders have no capital letters.
pub fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" || host.contains(char::is_uppercase) => {
            host
        }
        _ => "docker.io",
    }
}

fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=100).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain)
}

/// Has the form of one; whether it is one, who encrypts to it finds out.
fn is_recipient(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() == RECIPIENT && text.starts_with("age1") && text.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_what_an_engine_takes_for_one() {
        for (image, host) in [
            ("alpine", "docker.io"),
            ("library/alpine:3", "docker.io"),
            ("registry.example/a/b:1", "registry.example"),
            ("registry.example:5000/a", "registry.example:5000"),
            ("localhost/a", "localhost"),
            ("Rig/a", "Rig"),
            ("127.0.0.1:5000/a@sha256:00", "127.0.0.1:5000"),
        ] {
            assert_eq!(registry_of(image), host, "{image}");
        }
    }
}
