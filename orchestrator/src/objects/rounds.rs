//! What is brought away of tasks that run: checkpoints and early outputs, each named by its manifest.

use std::fs::File;
use std::time::SystemTime;

use millrace_spec::{Manifest, Sha256};

use super::{Error, Objects, receive};

impl Objects {
    /// Remembers over restarts that this manifest's files were brought away so: something newer soon takes their place,
    /// and they do not lie about for long then.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Full`].
    pub async fn note_round(&self, manifest: Sha256) -> Result<(), Error> {
        let mark = self.checkpoints.join(manifest.to_string());
        receive::beside(move || Ok(File::create(mark)?.set_modified(SystemTime::now())?)).await
    }

    /// What a manifest names; none where it is no manifest, or not here.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn manifest(&self, manifest: Sha256) -> Result<Option<Manifest>, Error> {
        match self.get_bytes(manifest, Manifest::LONGEST).await {
            Ok(bytes) => Ok(Manifest::from_bytes(&bytes)),
            Err(Error::NotFound(_) | Error::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
