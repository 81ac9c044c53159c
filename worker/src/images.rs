//! Images that the worker has pulled: how much of the disk they may take, and which go first. An image that was
//! on the rig before, or that its owner has put in its place since, is never the worker's to remove.

mod ledger;
mod watch;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use millrace_agent::TaskKey;
use millrace_seal::RegistryLogin;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::container::{Engine, Error, Progress};

use ledger::{Ledger, Record};
pub(crate) use watch::watch;

/// The worker's own images in the engine.
pub(crate) struct ImageCache {
    limit: u64,
    clock: Clock,
    state: Mutex<State>,
    /// One look at what must go at a time.
    evicting: tokio::sync::Mutex<()>,
    /// The engine has an image more or less.
    changed: Notify,
}

struct State {
    ledger: Ledger,
    /// What tasks need that have no container yet; of those that have one the engine knows.
    pinned: HashMap<TaskKey, String>,
}

impl ImageCache {
    /// Goes on with what an earlier worker wrote down; `limit` is in bytes.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(data_dir: &Path, limit: u64, clock: Clock) -> io::Result<Self> {
        let state = State { ledger: Ledger::open(&data_dir.join("images"))?, pinned: HashMap::new() };
        let (state, evicting, changed) = (Mutex::new(state), tokio::sync::Mutex::new(()), Notify::new());
        Ok(Self { limit, clock, state, evicting, changed })
    }

    /// Brings an image for a task, which has it until [`ImageCache::release`]; its digest.
    ///
    /// # Errors
    /// The engine's.
    pub async fn bring(
        &self,
        engine: &dyn Engine,
        key: TaskKey,
        image: &str,
        login: Option<&RegistryLogin>,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<String, Error> {
        self.state().pinned.insert(key, image.to_owned());
        let found = engine.find_image(image).await?;
        if let Some(digest) = found
            && !self.is_guarded(engine, image).await?
        {
            self.change(|ledger| ledger.touch(image, self.clock.now()));
            return Ok(digest);
        }
        let digest = engine.pull(image, login, progress).await?;
        self.changed.notify_one();
        // Written down after it is there: an image that nobody remembers stays, one of the owner's never goes.
        if let Some(local) = engine.local_image(image).await? {
            let record =
                Record { id: local.id, bytes: local.bytes, used_at: self.clock.now(), guarded: login.is_some() };
            self.change(|ledger| ledger.note(image, record));
        }
        self.evict(engine).await;
        Ok(digest)
    }

    /// Whether an image that is here came with a login. Then its registry is asked again, which costs no layer: what
    /// one buyer may have, another has not been allowed.
    async fn is_guarded(&self, engine: &dyn Engine, image: &str) -> Result<bool, Error> {
        if !self.state().ledger.has_guarded() {
            return Ok(false);
        }
        let local = engine.local_image(image).await?;
        Ok(local.is_some_and(|local| self.state().ledger.is_guarded(&local.id)))
    }

    /// The task needs its image no more.
    pub fn release(&self, key: TaskKey) {
        self.state().pinned.remove(&key);
    }

    /// Removes what was not used for the longest time, until the rest is small enough.
    pub async fn evict(&self, engine: &dyn Engine) {
        let _not_meanwhile = self.evicting.lock().await;
        let candidates = {
            let state = self.state();
            let pinned: BTreeSet<&str> = state.pinned.values().map(String::as_str).collect();
            state.ledger.oldest_first(&pinned)
        };
        for (image, record) in candidates {
            if self.state().ledger.bytes() <= self.limit {
                return;
            }
            match remove(engine, &image, &record).await {
                Ok(Removal::Gone) => {
                    tracing::info!(image, bytes = record.bytes, "an image that was not used for long is removed");
                    self.change(|ledger| ledger.forget(&image));
                    self.changed.notify_one();
                }
                Ok(Removal::NotOurs) => self.change(|ledger| ledger.forget(&image)),
                Ok(Removal::InUse) => {}
                Err(error) => tracing::warn!(image, %error, "an image stays although the cache is full"),
            }
        }
    }

    /// How many images are kept, their bytes, and the most they may be. Layers that images share count for each.
    pub fn sums(&self) -> (u64, u64, u64) {
        let state = self.state();
        (state.ledger.count(), state.ledger.bytes(), self.limit)
    }

    fn change(&self, change: impl FnOnce(&mut Ledger)) {
        let mut state = self.state();
        change(&mut state.ledger);
        if let Err(error) = state.ledger.save() {
            tracing::warn!(%error, "images that are pulled now stay on the rig");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic left behind is at worst an image too many.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Removal {
    Gone,
    /// The name means another image now.
    NotOurs,
    InUse,
}

async fn remove(engine: &dyn Engine, image: &str, record: &Record) -> Result<Removal, Error> {
    match engine.local_image(image).await? {
        None => Ok(Removal::NotOurs),
        Some(local) if local.id != record.id => Ok(Removal::NotOurs),
        Some(_) => Ok(if engine.remove_image(image).await? { Removal::Gone } else { Removal::InUse }),
    }
}

#[cfg(test)]
mod tests;
