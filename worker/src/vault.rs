//! What buyers have sealed for this rig. On disk it stays as it came, sealed to the node key, so that a restarted
//! worker can open it again; opened it is in memory, and what containers read of it lies in files on a file system
//! in memory, which containers bind and the engine never hears the contents of.

mod shown;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::SigningKey;
use millrace_agent::{Assignment, Cause, Failure, TaskKey};
use millrace_protocol::Address;
use millrace_seal::{Binding, Error, Identity, InputKey, Opened, RegistryLogin, Secrets};
use millrace_spec::registry_of;

use crate::folders::Users;
use crate::whole_file;
use shown::Shown;

/// Bytes of an address.
const SIGNER: usize = 32;

/// Of one node.
pub(crate) struct Vault {
    node: Address,
    identity: Identity,
    /// Envelopes by lease, each behind the address of whoever signed it.
    folder: PathBuf,
    shown: Shown,
    opened: Mutex<HashMap<Address, Arc<Secrets>>>,
}

impl Vault {
    /// Creates what is missing.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(data_dir: &Path, node: Address, key: &SigningKey, users: Users) -> io::Result<Self> {
        let folder = data_dir.join("sealed");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let (identity, shown) = (Identity::of_key(key), Shown::of(node, users));
        Ok(Self { node, identity, folder, shown, opened: Mutex::default() })
    }

    /// What is in an envelope for a lease, if one of `openers` made it for this node and that lease.
    ///
    /// # Errors
    /// [`millrace_seal::open`]'s.
    pub fn unseal(&self, envelope: &[u8], job: Address, lease: Address, openers: &[Address]) -> Result<Opened, Error> {
        let binding = Binding { program: millrace_client::address::program(), job, node: self.node, lease };
        millrace_seal::open(envelope, &self.identity, binding, openers)
    }

    /// Keeps it for the lease's life, over restarts too.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep(&self, lease: Address, envelope: &[u8], opened: Opened) -> io::Result<()> {
        whole_file::replace(&self.envelope(lease), &[&opened.signer.0, envelope].concat())?;
        self.opened().insert(lease, Arc::new(opened.secrets));
        Ok(())
    }

    /// Opens what an earlier worker kept, of these leases and their jobs; returns those that have it. Removes the rest.
    pub fn restore(&self, leases: &HashMap<Address, Address>) -> Vec<Address> {
        let mut restored = Vec::new();
        for path in fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let lease = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            let known = lease.and_then(|lease: Address| Some((lease, *leases.get(&lease)?)));
            let secrets = known.and_then(|(lease, job)| Some((lease, self.reopen(&path, job, lease)?)));
            match secrets {
                Some((lease, secrets)) => {
                    self.opened().insert(lease, Arc::new(secrets));
                    restored.push(lease);
                }
                None => {
                    let _ = fs::remove_file(path);
                }
            }
        }
        restored
    }

    fn reopen(&self, path: &Path, job: Address, lease: Address) -> Option<Secrets> {
        let kept = fs::read(path).ok()?;
        let (signer, envelope) = kept.split_first_chunk::<SIGNER>()?;
        let opened = self.unseal(envelope, job, lease, &[Address(*signer)]);
        opened
            .inspect_err(|error| tracing::warn!(%lease, %error, "what a buyer had sealed is lost"))
            .ok()
            .map(|opened| opened.secrets)
    }

    /// The lease is closed.
    pub fn forget(&self, lease: Address) {
        self.opened().remove(&lease);
        let _ = fs::remove_file(self.envelope(lease));
    }

    /// The login for an image's registry; none is sent to a registry that it is not for.
    pub fn login(&self, lease: Address, image: &str) -> Option<RegistryLogin> {
        self.secrets(lease)?.registry.clone().filter(|login| login.host == registry_of(image))
    }

    /// How a task's inputs are decrypted; `None` where they are as the buyer has them.
    ///
    /// # Errors
    /// A [`Failure`] where they are encrypted and no key has come.
    pub fn input_key(&self, assignment: &Assignment) -> Result<Option<InputKey>, Failure> {
        if !assignment.has_encrypted_inputs() {
            return Ok(None);
        }
        let key = self.secrets(assignment.key.lease).and_then(|secrets| secrets.inputs.clone());
        key.map(Some).ok_or_else(|| Failure::new(Cause::SecretsMissing, "the key of its inputs"))
    }

    /// Writes a task's secret files where its container can bind them; `None` where it has none.
    ///
    /// # Errors
    /// A [`Failure`] where one has not come, or where this rig has no file system in memory.
    pub fn show(&self, assignment: &Assignment) -> Result<Option<PathBuf>, Failure> {
        let names = assignment.sealed.as_ref().map_or(&[][..], |sealed| &sealed.files);
        if names.is_empty() {
            return Ok(None);
        }
        let secrets = self.secrets(assignment.key.lease);
        let files = names.iter().map(|name| {
            let content = secrets.as_ref().and_then(|secrets| secrets.files.get(name));
            content.map(|content| (name.as_str(), content)).ok_or_else(|| Failure::new(Cause::SecretsMissing, name))
        });
        let files = files.collect::<Result<Vec<_>, _>>()?;
        self.shown.write(assignment.key, &files).map(Some)
    }

    /// The task's container is gone.
    ///
    /// # Errors
    /// Those of the file system; nothing to remove is none.
    pub fn clear(&self, key: TaskKey) -> io::Result<()> {
        self.shown.remove(key)
    }

    /// Where a task's secret files are, if it has any.
    pub fn shown(&self, key: TaskKey) -> PathBuf {
        self.shown.folder(key)
    }

    /// Removes the files of tasks that are not named.
    pub fn sweep(&self, keep: &[TaskKey]) {
        self.shown.sweep(keep);
    }

    fn secrets(&self, lease: Address) -> Option<Arc<Secrets>> {
        self.opened().get(&lease).cloned()
    }

    fn envelope(&self, lease: Address) -> PathBuf {
        self.folder.join(lease.to_string())
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<Address, Arc<Secrets>>> {
        // A map that a panic left behind is a good map.
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
