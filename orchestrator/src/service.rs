use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use millrace_client::{Client, Endpoints, Sender, keys};
use millrace_scheduler::{Core, Settings};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::chain::{Chain, follow_clock};
use crate::clock::Clock;
use crate::door::Door;
use crate::driver::{Driver, Inbox, Parts};
use crate::logs::Logs;
use crate::metrics::Wallet;
use crate::objects::Objects;
use crate::signer::Signer;
use crate::store::{self, Store};
use crate::{Error, Options, descriptors, link_server, metrics, rest};

/// Inputs that may wait for the driver.
const INBOX: usize = 4_096;
/// Seconds in which the chain's accounts must have been read once.
const FIRST_RECONCILIATION: u64 = 60;
/// How long services may take to finish what they are doing.
const GRACE: Duration = Duration::from_secs(10);
/// From one look at what may be deleted to the next; the first comes at the start.
const SWEEPING: Duration = Duration::from_secs(3_600);

/// An orchestrator.
pub struct Service;

/// A running orchestrator. Dropping it does not stop it cleanly; [`Handle::shutdown`] does.
pub struct Handle {
    http_addr: SocketAddr,
    link_addr: SocketAddr,
    metrics: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    /// What the driver ended with. Closed without a word when it panicked.
    ended: oneshot::Receiver<Result<(), store::Error>>,
    /// Held as long as the folder is in use.
    _lock: File,
}

impl Service {
    /// Starts an orchestrator: journal, chain, and only then workers and buyers, so that nobody is
    /// answered from half a picture.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn start(options: Options) -> Result<Handle, Error> {
        if options.public_http_url.is_none() && options.http_addr.ip().is_unspecified() {
            return Err(Error::PublicUrlMissing { address: options.http_addr });
        }
        let lock = prepare_folder(&options.data_dir)?;
        let descriptors = descriptors::raise();
        let (for_buyers, for_workers) = descriptors::rooms(descriptors, options.connections_per_address);
        let store = Store::open(&options.data_dir.join("journal.sqlite")).await?;
        let objects = Objects::open(&options.data_dir.join("objects"))?;
        let logs = Logs::new(options.data_dir.join("logs"));
        let link = listen(options.link_addr).await?;
        let http = listen(options.http_addr).await?;

        let client = Client::new(Endpoints { rpc: options.rpc_urls, ws: options.ws_urls });
        let config = client.config().await?;
        let scheduler = keys::address_of(&options.scheduler_key);
        if config.scheduler != scheduler {
            return Err(Error::NotTheScheduler { expected: config.scheduler, actual: scheduler });
        }
        let clock = Arc::new(Clock::default());
        clock.read_chain(client.chain_clock().await?);

        let heartbeat_millis = u64::try_from(options.heartbeat.as_millis()).unwrap_or(u64::MAX).max(1);
        let program = millrace_client::address::program();
        let signer = Signer::new(options.scheduler_key.clone());
        let (weights, draw_secret) = (options.weights, signer.draw_secret());
        let keep_jobs = options.keep_jobs;
        let settings = Settings { program, attestor: scheduler, heartbeat_millis, weights, draw_secret, keep_jobs };
        let core = Core::restore(settings, clock.now(), store.read().await?);
        let chain = Chain::new(Sender::new(client.clone(), options.scheduler_key.clone()));
        let (inbox, inputs) = Inbox::new(INBOX);
        let wallet = Wallet::new(client.clone(), scheduler);
        let metrics = match options.metrics {
            Some(address) => {
                let (inbox, objects) = (inbox.clone(), objects.clone());
                let source = metrics::Source { inbox, objects, wallet: wallet.clone(), data_dir: options.data_dir };
                let failed = |source| Error::Listen { address, source };
                let server = source.bind(address).await.map_err(failed)?;
                Some((server.address().map_err(failed)?, server))
            }
            None => None,
        };
        let (reconciled, first_reconciliation) = oneshot::channel();
        let driver = Driver::new(Parts {
            core,
            clock: clock.clone(),
            chain: chain.clone(),
            store,
            objects: objects.clone(),
            logs: logs.clone(),
            signer,
            inbox: inbox.clone(),
            reconciled,
        });

        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(chain.watch(inbox.clone(), stop.clone()));
        tasks.spawn(follow_clock(client, clock, stop.clone()));
        let ended = drive(&mut tasks, stop.clone(), |stop| driver.run(inputs, stop));
        let patience = Duration::from_secs(FIRST_RECONCILIATION);
        if !matches!(tokio::time::timeout(patience, first_reconciliation).await, Ok(Ok(()))) {
            stop.cancel();
            return Err(Error::ChainSilent { seconds: FIRST_RECONCILIATION });
        }
        // Not before: of jobs that nobody knows of yet it would delete everything.
        tasks.spawn(sweep(objects.clone(), inbox.clone(), stop.clone()));

        let (link_addr, http_addr) = (local(&link, options.link_addr)?, local(&http, options.http_addr)?);
        let object_endpoint = options.public_http_url.unwrap_or_else(|| format!("http://{http_addr}"));
        tracing::info!(descriptors, buyers = for_buyers.total, workers = for_workers.total, "connections at once");
        tasks.spawn(link_server::serve(
            Door::new(link, for_workers),
            link_server::Context {
                inbox: inbox.clone(),
                logs: logs.clone(),
                objects: objects.clone(),
                program: settings.program,
                heartbeat_millis,
                object_endpoint,
                stop: stop.clone(),
            },
        ));
        let context =
            rest::Context { inbox, turns: rest::Turns::default(), objects, logs, program: settings.program, scheduler };
        tasks.spawn(rest::serve(Door::new(http, for_buyers), context, stop.clone()));
        let metrics = metrics.map(|(address, server)| {
            tasks.spawn(wallet.follow(stop.clone()));
            let stop = stop.clone();
            tasks.spawn(async move { _ = stop.run_until_cancelled(server.run()).await });
            address
        });
        tracing::info!(%http_addr, %link_addr, %scheduler, "orchestrator up");
        Ok(Handle { http_addr, link_addr, metrics, stop, tasks, ended, _lock: lock })
    }
}

impl Handle {
    /// Where buyers connect.
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// Where workers connect.
    pub fn link_addr(&self) -> SocketAddr {
        self.link_addr
    }

    /// Where metrics are served, if they are.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Waits until it cannot go on. Whoever runs an orchestrator must watch this beside the wish to
    /// stop: without its driver nothing is answered any more, and only a new start helps.
    pub async fn ended(&mut self) -> Error {
        match (&mut self.ended).await {
            Ok(Err(error)) => error.into(),
            Ok(Ok(())) | Err(_) => Error::Crashed,
        }
    }

    /// Stops taking anything in, finishes what is being answered, closes the journal. Leases,
    /// containers and transactions under way go on without it and are picked up at the next start.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::warn!("some connections did not end in time");
            self.tasks.shutdown().await;
        }
    }
}

/// Runs the driver. However it ends, by a panic too, the services end with it.
fn drive<F>(
    tasks: &mut JoinSet<()>,
    stop: CancellationToken,
    run: impl FnOnce(CancellationToken) -> F,
) -> oneshot::Receiver<Result<(), store::Error>>
where
    F: Future<Output = Result<(), store::Error>> + Send + 'static,
{
    let (sender, ended) = oneshot::channel();
    let running = run(stop.clone());
    tasks.spawn(async move {
        let _stops = stop.drop_guard();
        let end = running.await;
        if let Err(error) = &end {
            // Without its journal it would sign what it may forget.
            tracing::error!(error = error as &dyn std::error::Error, "the journal fails; stopping");
        }
        let _ = sender.send(end);
    });
    ended
}

/// Deletes uploads that nobody goes on with, and objects that nobody needs.
async fn sweep(objects: Objects, inbox: Inbox, stop: CancellationToken) {
    let mut hours = tokio::time::interval(SWEEPING);
    while stop.run_until_cancelled(hours.tick()).await.is_some() {
        let now = SystemTime::now();
        if let Err(error) = objects.sweep_uploads(now).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "abandoned uploads are not deleted");
        }
        let Some(needed) = inbox.ask(Driver::needed_objects).await else { return };
        if let Some(Err(error)) = stop.run_until_cancelled(objects.sweep(now, needed)).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "objects that nobody needs are not deleted");
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

fn local(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, Error> {
    listener.local_addr().map_err(|source| Error::Listen { address, source })
}

/// Makes the data folder and takes it for this process. The lock ends with the process, also by a kill.
fn prepare_folder(path: &Path) -> Result<File, Error> {
    let failed = |source| Error::DataDir { path: path.to_owned(), source };
    std::fs::create_dir_all(path).map_err(failed)?;
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::DataDirLocked { path: path.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn however_the_driver_ends_the_services_end_and_the_owner_is_told() {
        for panics in [false, true] {
            let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
            let ended = drive(&mut tasks, stop.clone(), |_| async move {
                assert!(!panics, "on purpose");
                Err(store::Error::TooNew { found: 2, known: 1 })
            });
            stop.cancelled().await;
            assert_eq!(ended.await.is_err(), panics);
        }
    }
}
