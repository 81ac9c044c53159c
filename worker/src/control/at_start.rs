use std::sync::Arc;

use millrace_agent::Agent;
use millrace_client::keys::address_of;
use millrace_protocol::{Address, UnixSeconds};

use super::{Ask, Asked};
use crate::clock::Clock;
use crate::folders::{self, Folders};
use crate::gpu::Tally;
use crate::status::{LinkStatus, Status, StorageStatus, Totals, Trouble, Unfit, leases, tasks, votes};
use crate::troubles::Troubles;
use crate::{Options, disk, inputs};

/// A worker that is not at work yet, as its owner sees it.
pub(crate) struct AtStart<'a> {
    pub node: Address,
    pub options: &'a Options,
    pub folders: Folders,
    pub started_at: UnixSeconds,
    pub clock: Clock,
    pub troubles: Arc<Troubles>,
}

impl AtStart<'_> {
    /// By what the journal says. Whether it is to drain it goes by once it is at work.
    pub fn answer(&self, asked: Asked, agent: &Agent) {
        let done = match asked.ask {
            Ask::Status => Ok(()),
            Ask::Drain => folders::set_draining(self.folders.root(), true),
            Ask::Resume => folders::set_draining(self.folders.root(), false),
        };
        let status = done.map(|()| self.status(agent));
        let (root, cache) = (self.folders.root().to_owned(), self.folders.cache());
        // Reading folders takes a while, and who looks after the chain meanwhile has none.
        tokio::task::spawn_blocking(move || {
            let status = status.map(|mut status| {
                status.storage.free_bytes = disk::free_bytes(&root).unwrap_or(0);
                status.storage.input_cache_bytes = inputs::cached_bytes(&cache);
                status
            });
            // Who asked may have gone.
            let _ = asked.answer.send(status);
        });
    }

    fn status(&self, agent: &Agent) -> Status {
        let lasting = self.troubles.lasting().into_iter();
        let unfit: Vec<Unfit> = lasting.map(|Trouble { code, cause, hint, .. }| Unfit { code, cause, hint }).collect();
        let told_to_drain = folders::is_draining(self.folders.root());
        let orchestrator = self.options.orchestrator_url.clone();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: self.node,
            node_key: address_of(&self.options.node_key),
            at: self.clock.now(),
            started_at: self.started_at,
            link: LinkStatus { orchestrator, connected: false, since: self.started_at },
            draining: told_to_drain || !unfit.is_empty(),
            told_to_drain,
            unfit,
            gpus: vec![],
            gpu_links: vec![],
            leases: leases::of(agent, &Tally::default()),
            votes: votes::of(agent),
            tasks: tasks::of(agent),
            storage: self.storage(),
            bids: agent.bids().copied().collect(),
            totals: Totals::default(),
            troubles: self.troubles.list(),
        }
    }

    /// Without what is on the disk, and without images, of which only an engine knows.
    fn storage(&self) -> StorageStatus {
        let bytes = |mib: u64| mib.saturating_mul(1_048_576);
        StorageStatus {
            data_dir: self.folders.root().to_owned(),
            reserve_bytes: bytes(self.options.disk_reserve_mib),
            input_cache_limit_bytes: bytes(self.options.cache_limit_mib),
            image_cache_limit_bytes: bytes(self.options.image_cache_mib),
            ..StorageStatus::default()
        }
    }
}
