use std::net::IpAddr;
use std::sync::Arc;

use millrace_protocol::{Address, Diagnostic};
use tokio::sync::{Mutex, watch};

use crate::clock::Clock;
use crate::container::Engine;
use crate::fetching::Fetching;
use crate::folders::{Folders, Left};
use crate::gpu::{Inventory, Monitor};
use crate::images::ImageCache;
use crate::objects::Objects;
use crate::status::StorageStatus;
use crate::troubles::Troubles;
use crate::vault::Vault;
use crate::{disk, inputs};

/// What every step of a task needs.
pub(crate) struct Context {
    pub node: Address,
    pub orchestrator_url: String,
    pub engine: Arc<dyn Engine>,
    /// Cores of the engine's machine: no container can be given more.
    pub engine_cores: u16,
    pub folders: Folders,
    pub inventory: Inventory,
    /// `None` on a rig without real GPUs.
    pub monitor: Option<Monitor>,
    /// Bytes of disk that no task may take.
    pub disk_reserve: u64,
    /// Where containers with a network look names up.
    pub resolvers: Vec<IpAddr>,
    /// Bytes that inputs may take between tasks.
    pub cache_limit: u64,
    /// The endpoint that the orchestrator named last; `None` before the first connection.
    pub objects: watch::Receiver<Option<Arc<dyn Objects>>>,
    /// Two leases may want the same input: it is fetched once.
    pub fetching: Fetching,
    /// What is encrypted takes room beside what it is made of: one file at a time on the rig, so that it is known
    /// to be there.
    pub encrypting: Mutex<()>,
    pub images: ImageCache,
    /// What buyers have sealed for this rig.
    pub vault: Vault,
    /// For the rig's owner.
    pub troubles: Arc<Troubles>,
    pub clock: Clock,
}

impl Context {
    /// Reads the data folder: not for the loop.
    pub fn storage(&self) -> StorageStatus {
        let (images_kept, image_cache_bytes, image_cache_limit_bytes) = self.images.sums();
        StorageStatus {
            data_dir: self.folders.root().to_owned(),
            free_bytes: disk::free_bytes(self.folders.root()).unwrap_or(0),
            reserve_bytes: self.disk_reserve,
            input_cache_bytes: inputs::cached_bytes(&self.folders.cache()),
            input_cache_limit_bytes: self.cache_limit,
            images_kept,
            image_cache_bytes,
            image_cache_limit_bytes,
        }
    }

    /// Something of a task's stays on the rig: nothing waits for its owner to mend that.
    pub fn tell_left(&self, left: &Left) {
        tracing::warn!(code = left.code(), error = %left, hint = left.hint(), "the rig's owner has to remove it");
        self.troubles.note_standing(left, self.clock.now());
    }

    /// Waits for the first connection where there was none yet.
    pub async fn objects(&self) -> Arc<dyn Objects> {
        let mut objects = self.objects.clone();
        loop {
            if let Some(objects) = objects.borrow_and_update().clone() {
                return objects;
            }
            if objects.changed().await.is_err() {
                // The service is being shut down, and this task with it.
                std::future::pending::<()>().await;
            }
        }
    }
}
