//! Keypair files in Solana's own JSON format: an array of 64 bytes, readable by their owner only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use millrace_protocol::{Address, Diagnostic};
use solana_keypair::{Keypair, Signer};
use thiserror::Error;

/// Why a key could not be read or written.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error("there is no key file at {path}")]
    Missing { path: PathBuf },
    #[error("the key file {path} exists already")]
    Exists { path: PathBuf },
    #[error("{path} is not a keypair file")]
    Malformed { path: PathBuf },
    #[error("the key file {path} cannot be accessed")]
    Io { path: PathBuf, source: io::Error },
}

impl Diagnostic for KeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "key-missing",
            Self::Exists { .. } => "key-exists",
            Self::Malformed { .. } => "key-malformed",
            Self::Io { .. } => "key-inaccessible",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Missing { path } => {
                format!("create one with `millrace key new {}`, or name another file", path.display())
            }
            Self::Exists { .. } => "a key is never overwritten: use it, or name another file".to_owned(),
            Self::Malformed { .. } => "a keypair file is a JSON array of 64 bytes, secret key first".to_owned(),
            Self::Io { path, .. } => format!("check the owner and the permissions of {}", path.display()),
        }
    }
}

/// The public half of a key.
pub fn address_of(key: &Keypair) -> Address {
    crate::address::address(key.pubkey())
}

/// Reads a keypair file.
///
/// # Errors
/// [`KeyError::Missing`], [`KeyError::Malformed`], [`KeyError::Io`].
pub fn load(path: &Path) -> Result<Keypair, KeyError> {
    let text = fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => KeyError::Missing { path: path.to_owned() },
        io::ErrorKind::InvalidData => KeyError::Malformed { path: path.to_owned() },
        _ => KeyError::Io { path: path.to_owned(), source },
    })?;
    let malformed = || KeyError::Malformed { path: path.to_owned() };
    let bytes: Vec<u8> = serde_json::from_str(&text).map_err(|_| malformed())?;
    Keypair::try_from(bytes.as_slice()).map_err(|_| malformed())
}

/// Writes a new keypair file with mode 0600 and its folder. Never overwrites one.
///
/// # Errors
/// [`KeyError::Exists`], [`KeyError::Io`].
pub fn save(path: &Path, key: &Keypair) -> Result<(), KeyError> {
    let failed = |source| KeyError::Io { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|source| {
            match source.kind() {
                io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.to_owned() },
                _ => failed(source),
            }
        })?;
    let numbers: Vec<String> = key.to_bytes().iter().map(u8::to_string).collect();
    writeln!(file, "[{}]", numbers.join(",")).and_then(|()| file.sync_all()).map_err(failed)
}

/// Reads the key at `path`, or makes one there.
///
/// # Errors
/// Those of [`load`] and [`save`], except [`KeyError::Missing`].
pub fn load_or_create(path: &Path) -> Result<Keypair, KeyError> {
    match load(path) {
        Err(KeyError::Missing { .. }) => {
            let key = Keypair::new();
            save(path, &key)?;
            Ok(key)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_saved_key_is_private_and_loads_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/id.json");
        let key = load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load(&path).unwrap().to_bytes(), key.to_bytes());
        assert!(matches!(save(&path, &key), Err(KeyError::Exists { .. })));
    }

    #[test]
    fn missing_and_malformed_files_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("id.json");
        assert!(matches!(load(&path), Err(KeyError::Missing { .. })));
        let mut wrong_public = Keypair::new().to_bytes();
        wrong_public[40] ^= 1;
        let contradiction = serde_json::to_string(&wrong_public.to_vec()).unwrap();
        for text in ["", "{}", "[1,2,3]", "[1000]", &contradiction] {
            fs::write(&path, text).unwrap();
            assert!(matches!(load(&path), Err(KeyError::Malformed { .. })), "{text}");
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(load(&path), Err(KeyError::Malformed { .. })));
    }
}
