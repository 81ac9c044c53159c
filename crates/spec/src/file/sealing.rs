use std::path::PathBuf;

use super::{JobFile, document};
use crate::{Error, Sealed, Sha256, registry_of};

/// The recipient of the wallet that opens the job.
const WALLET: &str = "wallet";
/// Has the form of a recipient, for looking at a file before a wallet is known.
pub(super) const NOBODY: &str = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";

/// A registry's login, as the job file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryFiles {
    /// The image's registry.
    pub host: String,
    pub username: String,
    /// Relative to the job file.
    pub password: PathBuf,
}

impl RegistryFiles {
    pub(super) fn of(document: document::Registry, image: &str) -> Self {
        let document::Registry { username, password_file } = document;
        Self { host: registry_of(image).to_owned(), username, password: password_file }
    }
}

/// What is encrypted, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sealing {
    inputs: bool,
    /// Of the inputs' key, once the wallet has made it.
    salt: Option<Sha256>,
    outputs: Option<String>,
}

impl Sealing {
    pub(super) fn of(document: &document::Encryption) -> Self {
        Self { inputs: document.inputs, salt: None, outputs: document.outputs.clone() }
    }
}

impl JobFile {
    /// Whether there is anything that [`JobFile::seal`] must say.
    pub fn encrypts(&self) -> bool {
        self.sealing.inputs || self.sealing.outputs.as_deref() == Some(WALLET)
    }

    /// Whether inputs are to be encrypted before they are uploaded.
    pub fn encrypts_inputs(&self) -> bool {
        self.sealing.inputs
    }

    /// Says what only the buyer's wallet can: the salt of the inputs' key, where they are encrypted, and who may
    /// read outputs, where the file says `wallet`.
    pub fn seal(&mut self, salt: Sha256, wallet: &str) {
        self.sealing.salt = self.sealing.inputs.then_some(salt);
        if self.sealing.outputs.as_deref() == Some(WALLET) {
            self.sealing.outputs = Some(wallet.to_owned());
        }
    }

    /// # Errors
    /// [`Error::NotSealed`].
    pub(super) fn sealed(&self) -> Result<Option<Sealed>, Error> {
        let Sealing { inputs, salt, outputs } = &self.sealing;
        if (*inputs && salt.is_none()) || outputs.as_deref() == Some(WALLET) {
            return Err(Error::NotSealed);
        }
        let sealed = Sealed {
            files: self.secrets.keys().cloned().collect(),
            inputs: *salt,
            outputs: outputs.clone(),
            registry: self.registry.as_ref().map(|registry| registry.host.clone()),
        };
        Ok(Some(sealed).filter(|sealed| *sealed != Sealed::default()))
    }
}
