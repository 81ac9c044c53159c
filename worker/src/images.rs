//! Images that the worker has pulled: how much of the disk they may take, and which go first. An image that was
//! on the rig before, or that its owner has put in its place since, is never the worker's to remove.

mod ledger;
mod named;
mod registries;
mod room;
mod watch;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use millrace_agent::{Cause, Failure, TaskKey};
use millrace_seal::RegistryLogin;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::container::{Engine, Error, LocalImage, Progress};

use ledger::{Ledger, Record};
pub(crate) use registries::Registries;
pub(crate) use room::Room;
pub(crate) use watch::watch;

/// The worker's own images in the engine.
pub(crate) struct ImageCache {
    limit: u64,
    clock: Clock,
    registries: Registries,
    room: Room,
    state: Mutex<State>,
    /// One look at what must go at a time.
    evicting: tokio::sync::Mutex<()>,
    /// The engine has an image more or less.
    changed: Notify,
}

struct State {
    ledger: Ledger,
    /// What tasks need that have no container yet; of those that have one the engine knows.
    pinned: HashMap<TaskKey, Pinned>,
}

/// What a task needs.
struct Pinned {
    image: String,
    /// What that means, once it was brought.
    id: Option<String>,
}

impl ImageCache {
    /// Goes on with what an earlier worker wrote down; `limit` is in bytes.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(data_dir: &Path, limit: u64, clock: Clock, registries: Registries, room: Room) -> io::Result<Self> {
        let state = State { ledger: Ledger::open(&data_dir.join("images"))?, pinned: HashMap::new() };
        let (state, evicting, changed) = (Mutex::new(state), tokio::sync::Mutex::new(()), Notify::new());
        Ok(Self { limit, clock, registries, room, state, evicting, changed })
    }

    /// Brings an image for a task, which has it until [`ImageCache::release`]; its digest. What the worker has pulled
    /// itself, without a login, is everybody's. Of all else that is on the rig the image's registry is asked first
    /// whether it gives it to this job's buyer, unless the owner has the rig ask none: then it is what is meant.
    ///
    /// # Errors
    /// A [`Failure`] that tells nothing of what a registry has answered; the log of the rig's owner does.
    pub async fn bring(
        &self,
        engine: &dyn Engine,
        key: TaskKey,
        image: &str,
        login: Option<&RegistryLogin>,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<String, Failure> {
        named::check(image)?;
        self.state().pinned.insert(key, Pinned { image: image.to_owned(), id: None });
        let failure = |error: Error| {
            tracing::warn!(task = %key, image, %error, "a task's image cannot be had");
            error.failure(Cause::PullFailed)
        };
        let local = engine.local_image(image).await.map_err(failure)?;
        let standing = local.as_ref().map(|local| self.standing(image, local));
        let may_ask = engine.pulls();
        if let Some(local) = local.as_ref().filter(|_| !may_ask || standing == Some(Standing::Common)) {
            self.change(|ledger| ledger.touch(image, self.clock.now()));
            return Ok(self.hand_out(key, local));
        }
        if may_ask {
            self.registries.check(image).await?;
        }
        if let Some(local) = local.filter(|_| standing == Some(Standing::Owners)) {
            // Not pulled: that would give the owner's name to a stranger's image.
            return match engine.is_offered(image, login).await.map_err(failure)? {
                true => Ok(self.hand_out(key, &local)),
                false => {
                    let said = "its registry does not give this buyer what the rig has under this name";
                    Err(Failure::new(Cause::PullFailed, format!("{image}: {said}")))
                }
            };
        }
        if let Some(free) = self.room.is_short() {
            return Err(Failure::new(Cause::DiskFull, free));
        }
        if standing.is_none() && may_ask {
            self.change(|ledger| ledger.intend(image, self.clock.now(), login.is_some()));
        }
        let pulled = tokio::select! {
            pulled = engine.pull(image, login, progress) => pulled.map_err(failure)?,
            free = self.room.runs_short() => return Err(Failure::new(Cause::ImageTooLarge, format!("{image}: {free}"))),
        };
        // Before anybody makes room: by then the name may have moved on again.
        let digest = self.hand_out(key, &pulled);
        self.keep(engine, image, &pulled, login.is_some()).await;
        Ok(digest)
    }

    /// The digest of the image that a task is to run.
    fn hand_out(&self, key: TaskKey, image: &LocalImage) -> String {
        if let Some(pinned) = self.state().pinned.get_mut(&key) {
            pinned.id = Some(image.id.clone());
        }
        image.digest.clone()
    }

    /// The image that was brought for a task: its name may mean another by now.
    pub fn id_of(&self, key: TaskKey) -> Option<String> {
        self.state().pinned.get(&key)?.id.clone()
    }

    /// Counts what was pulled as the worker's own, and makes room for it.
    async fn keep(&self, engine: &dyn Engine, image: &str, pulled: &LocalImage, guarded: bool) {
        self.changed.notify_one();
        let (id, used_at) = (Some(pulled.id.clone()), self.clock.now());
        self.change(|ledger| ledger.note(image, Record { id, bytes: pulled.bytes, used_at, guarded }));
        self.evict(engine).await;
    }

    /// Whose an image is that is here.
    fn standing(&self, image: &str, local: &LocalImage) -> Standing {
        if self.state().ledger.is_intended(image) {
            self.change(|ledger| ledger.settle(image, local.id.clone(), local.bytes));
        }
        let ledger = &self.state().ledger;
        match (ledger.holds(image, &local.id), ledger.is_guarded(&local.id)) {
            (false, _) => Standing::Owners,
            (true, true) => Standing::Guarded,
            (true, false) => Standing::Common,
        }
    }

    /// The task needs its image no more.
    pub fn release(&self, key: TaskKey) {
        self.state().pinned.remove(&key);
    }

    /// Removes what was not used for the longest time, until the rest is small enough.
    pub async fn evict(&self, engine: &dyn Engine) {
        let _not_meanwhile = self.evicting.lock().await;
        self.settle(engine).await;
        let candidates = {
            let state = self.state();
            // What a name has moved on from is kept under its id.
            let names = state.pinned.values().map(|pinned| pinned.image.as_str());
            let ids = state.pinned.values().filter_map(|pinned| pinned.id.as_deref());
            let pinned: BTreeSet<&str> = names.chain(ids).collect();
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

    /// Finds out what came of pulls that were broken off, by a cancel or with the worker.
    async fn settle(&self, engine: &dyn Engine) {
        let intended = {
            let state = self.state();
            let under_way = |image: &String| state.pinned.values().any(|pinned| pinned.image == *image);
            state.ledger.intended().into_iter().filter(|image| !under_way(image)).collect::<Vec<_>>()
        };
        for image in intended {
            match engine.local_image(&image).await {
                Ok(Some(local)) => self.change(|ledger| ledger.settle(&image, local.id, local.bytes)),
                Ok(None) => self.change(|ledger| ledger.forget(&image)),
                Err(error) => tracing::warn!(image, %error, "whether an image has come is not known"),
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

/// Whose an image is that is on the rig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The worker has pulled it under this name, and no login was asked for.
    Common,
    /// It came with a login. Its registry is asked again, which costs no layer: what one buyer may have, another has
    /// not been allowed.
    Guarded,
    /// As far as the worker knows the rig's owner has put it there, and may not mean it for others.
    Owners,
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
        Some(local) if record.id.as_ref() != Some(&local.id) => Ok(Removal::NotOurs),
        // By its id it goes only where nobody has given it another name.
        Some(local) if local.id == image && local.is_named => Ok(Removal::NotOurs),
        Some(_) => Ok(if engine.remove_image(image).await? { Removal::Gone } else { Removal::InUse }),
    }
}

#[cfg(test)]
mod tests;
