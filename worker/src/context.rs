use std::sync::Arc;

use millrace_protocol::Address;
use tokio::sync::{Mutex, watch};

use crate::container::Engine;
use crate::folders::Folders;
use crate::gpu::{Inventory, Monitor};
use crate::objects::Objects;

/// What every step of a task needs.
pub(crate) struct Context {
    pub node: Address,
    pub engine: Arc<dyn Engine>,
    /// Cores of the engine's machine: no container can be given more.
    pub engine_cores: u16,
    pub folders: Folders,
    pub inventory: Inventory,
    /// `None` on a rig without real GPUs.
    pub monitor: Option<Monitor>,
    /// Bytes of disk that no task may take.
    pub disk_reserve: u64,
    /// Bytes that inputs may take between tasks.
    pub cache_limit: u64,
    /// The endpoint that the orchestrator named last; `None` before the first connection.
    pub objects: watch::Receiver<Option<Arc<dyn Objects>>>,
    /// Two leases may want the same input: it is fetched once.
    pub fetching: Mutex<()>,
}

impl Context {
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
