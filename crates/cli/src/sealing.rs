//! What a buyer keeps from everybody but the job's rigs: encrypts inputs before they leave this machine, and hands
//! each lease's rig what it needs, sealed to the key that its node has on chain.

mod handover;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use millrace_protocol::{Address, Diagnostic};
use millrace_seal::{DataKey, Identity, InputKey, LARGEST_FILES, RegistryLogin, SecretBytes, Secrets};
use millrace_spec::{JobFile, ObjectRef, Sha256};
use thiserror::Error;

use crate::errors::Failure;
use crate::{clock, transfer};

pub use handover::Handover;

/// Why something cannot be sealed.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the secret `{name}` is to be read from `{}`", path.display())]
    SecretUnreadable { name: String, path: PathBuf, source: std::io::Error },
    #[error("the secrets have {bytes} bytes together, and may have {LARGEST_FILES}")]
    SecretsTooLarge { bytes: usize },
    #[error("`{}` cannot be encrypted", path.display())]
    Unencrypted { path: PathBuf, source: millrace_seal::Error },
    #[error("`{}` cannot be decrypted", path.display())]
    Undecrypted { path: PathBuf, source: millrace_seal::Error },
    #[error("{provider} is none of the providers that the job file accepts, and its rig has a lease of the job")]
    ProviderUnwanted { provider: Address },
    #[error("the orchestrator says that {lease} is a lease of the job, and the chain does not")]
    LeaseForeign { lease: Address },
    #[error("the job's file is not the one that was submitted: {what} differ")]
    OtherFile { what: &'static str },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::SecretUnreadable { .. } => "secret-unreadable",
            Self::SecretsTooLarge { .. } => "secrets-too-large",
            Self::Unencrypted { .. } => "input-unencrypted",
            Self::Undecrypted { .. } => "output-undecrypted",
            Self::ProviderUnwanted { .. } => "provider-unwanted",
            Self::LeaseForeign { .. } => "lease-foreign",
            Self::OtherFile { .. } => "job-file-differs",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::SecretUnreadable { .. } => "paths under `[secrets]` and `[registry]` are relative to the job file",
            Self::SecretsTooLarge { .. } => "put what is large under `[inputs]`, and set `encryption.inputs`",
            Self::Unencrypted { .. } => "check free space in the folder for temporary files (`TMPDIR`)",
            Self::Undecrypted { .. } => "use the wallet that opened the job; the encrypted file is still there",
            Self::ProviderUnwanted { .. } | Self::LeaseForeign { .. } => {
                "nothing was sent; do not trust this orchestrator with jobs"
            }
            Self::OtherFile { .. } => "name the file that the job was submitted with",
        }
        .to_owned()
    }
}

/// Inputs as they are to be uploaded, and what opens them.
pub struct Inputs {
    pub objects: BTreeMap<String, ObjectRef>,
    /// Where each lies on this machine.
    pub paths: BTreeMap<String, PathBuf>,
    /// None where they are uploaded as they are.
    pub key: Option<InputKey>,
}

/// Hashes inputs that are uploaded as they are.
///
/// # Errors
/// An input that cannot be read.
pub async fn plain_inputs(file: &JobFile, folder: &Path) -> Result<Inputs, Failure> {
    let objects = transfer::hash_inputs(file, folder).await?;
    let paths = file.inputs.iter().map(|(name, path)| (name.clone(), folder.join(path))).collect();
    Ok(Inputs { objects, paths, key: None })
}

/// Encrypts inputs into `into` and hashes both sides.
///
/// # Errors
/// An input that cannot be read, a folder that cannot be written.
pub async fn encrypted_inputs(file: &JobFile, folder: &Path, into: &Path, key: DataKey) -> Result<Inputs, Failure> {
    // An input that is not there is told by its name in the job file.
    let plain = transfer::hash_inputs(file, folder).await?;
    let to = key.identity().recipient();
    let (mut objects, mut paths) = (BTreeMap::new(), BTreeMap::new());
    for (number, (name, path)) in file.inputs.iter().enumerate() {
        let (to, from, sealed) = (to.clone(), folder.join(path), into.join(number.to_string()));
        let (fresh, read) = (sealed.clone(), from.clone());
        let made = tokio::task::spawn_blocking(move || {
            millrace_seal::encrypt(&to, File::open(read)?, File::create(fresh)?).map(|(_, sealed)| sealed)
        });
        let made = made.await.unwrap_or_else(|error| Err(std::io::Error::other(error).into()));
        objects.insert(name.clone(), made.map_err(|source| Error::Unencrypted { path: from, source })?);
        paths.insert(name.clone(), sealed);
    }
    Ok(Inputs { objects, paths, key: Some(InputKey { key, plain }) })
}

/// Reads the files that a job's secrets lie in.
///
/// # Errors
/// [`Error::SecretUnreadable`], [`Error::SecretsTooLarge`].
pub fn read_secrets(file: &JobFile, folder: &Path, inputs: Option<InputKey>) -> Result<Secrets, Error> {
    let read = |name: &str, path: &Path| {
        let path = folder.join(path);
        std::fs::read(&path).map_err(|source| Error::SecretUnreadable { name: name.to_owned(), path, source })
    };
    let mut files = BTreeMap::new();
    for (name, path) in &file.secrets {
        files.insert(name.clone(), SecretBytes(read(name, path)?));
    }
    let bytes = files.values().map(|content| content.0.len()).sum();
    if bytes > LARGEST_FILES {
        return Err(Error::SecretsTooLarge { bytes });
    }
    let registry = match &file.registry {
        None => None,
        Some(login) => {
            let password = String::from_utf8_lossy(&read("registry.password_file", &login.password)?).into_owned();
            // Editors end a file with a line break, which no password has.
            let password = password.trim_end_matches(['\r', '\n']).to_owned();
            Some(RegistryLogin { host: login.host.clone(), username: login.username.clone(), password })
        }
    };
    Ok(Secrets { files, inputs, registry })
}

/// A salt that no other job has: the wallet's signature over the moment at which the job was prepared.
pub fn fresh_salt(wallet: &SigningKey) -> Sha256 {
    use ed25519_dalek::Signer;
    let now = clock::nanoseconds();
    millrace_spec::sha256(&wallet.sign(format!("millrace salt v1\n{now}").as_bytes()).to_bytes())
}

/// Decrypts what was downloaded, beside itself and without its `.age`, and removes it. `None` where it is sealed to
/// somebody else: then it stays.
///
/// # Errors
/// [`Error::Undecrypted`].
pub fn open_output(path: &Path, wallet: &SigningKey) -> Result<Option<(PathBuf, ObjectRef)>, Error> {
    let Some(plain) = path.to_str().and_then(|path| path.strip_suffix(".age")).map(PathBuf::from) else {
        return Ok(None);
    };
    let failed = |source| Error::Undecrypted { path: path.to_owned(), source };
    let partial = PathBuf::from(format!("{}.partial", plain.display()));
    let opened = File::open(path)
        .and_then(|sealed| Ok((sealed, File::create(&partial)?)))
        .map_err(millrace_seal::Error::from)
        .and_then(|(sealed, fresh)| millrace_seal::decrypt(&Identity::of_key(wallet), sealed, fresh));
    match opened {
        Ok(object) => {
            std::fs::rename(&partial, &plain).map_err(|error| failed(error.into()))?;
            std::fs::remove_file(path).map_err(|error| failed(error.into()))?;
            Ok(Some((plain, object)))
        }
        Err(error) => {
            let _ = std::fs::remove_file(partial);
            if matches!(error, millrace_seal::Error::OtherKey) { Ok(None) } else { Err(failed(error)) }
        }
    }
}

#[cfg(test)]
mod tests;
