//! How the orchestrator is, as Prometheus reads it. `docs/orchestrator.md` lists every metric.
//!
//! What exists is counted as it changes ([`Tally`]), and what has happened as it happens ([`Counters`]): a scrape looks
//! at the nodes once, and at no job.

mod counters;
mod families;
mod snapshot;
mod tally;
mod wallet;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use millrace_metrics::Server;

use crate::driver::Inbox;
use crate::objects::Objects;

pub(crate) use counters::Counters;
use snapshot::{Shell, Snapshot};
pub(crate) use tally::Tally;
pub(crate) use wallet::Wallet;

/// Where a scrape comes from.
#[derive(Clone)]
pub(crate) struct Source {
    pub inbox: Inbox,
    pub objects: Objects,
    pub wallet: Wallet,
    pub data_dir: PathBuf,
}

impl Source {
    /// Whoever reaches the address is answered: nothing there can be changed.
    ///
    /// # Errors
    /// An address that is in use or not this machine's.
    pub async fn bind(self, address: SocketAddr) -> io::Result<Server> {
        let scrape = move || {
            let source = self.clone();
            async move {
                let shell = Shell::of(&source);
                let core = source.inbox.ask(Snapshot::of).await;
                core.map(|core| families::registry(&core, &shell)).ok_or_else(|| "the orchestrator stops".to_owned())
            }
        };
        Server::bind(address, scrape).await
    }
}

#[cfg(test)]
mod tests;
