use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ed25519_dalek::SigningKey;
use futures_util::future::{BoxFuture, ready};
use futures_util::{FutureExt, TryFutureExt};
use millrace_agent::policy::Rig;
use millrace_agent::{Held, recover};
use millrace_client::{Client, Endpoints};
use millrace_protocol::{Address, Diagnostic, UnixSeconds};
use tokio::sync::mpsc::{UnboundedSender, channel, unbounded_channel};
use tokio::sync::{Mutex, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::chain::{Chain, Rpc};
use crate::challenge::{self, Challenges};
use crate::clock::Clock;
use crate::container::docker::Docker;
use crate::container::{self, Engine};
use crate::context::Context;
use crate::control::{Asked, AtStart, Server};
use crate::driver::{Driver, Wiring};
use crate::fetching::Fetching;
use crate::folders::{self, Folders};
use crate::gpu::Monitor;
use crate::images::{ImageCache, Registries, Room};
use crate::journal::{self, Journal};
use crate::link_client::Dialer;
use crate::logs::{Shipment, ship};
use crate::orchestrator_url::dialled_at;
use crate::steps::Steps;
use crate::troubles::Troubles;
use crate::unseen::Unseen;
use crate::vault::Vault;
use crate::{Error, Options, checks, hardware, images, inputs, link_client, metrics, registration, unseen};

/// Starts workers.
pub struct Service;

/// The outside of a worker, for those who bring their own.
pub struct Parts {
    pub engine: Arc<dyn Engine>,
    pub chain: Arc<dyn Chain>,
}

impl Service {
    /// Checks the rig, adopts what an earlier worker left, and goes to work. With something at stake on chain it waits
    /// for an engine that does not answer, and starts whatever has become of the GPUs; it takes no further lease then.
    ///
    /// # Errors
    /// [`Error`], before anything was promised to anybody.
    pub async fn start(options: Options) -> Result<Handle, Error> {
        let (host, pull) = (options.docker_host.clone(), options.pull);
        let connect = move || {
            let host = host.clone();
            let connected = async move { Docker::connect(host.as_deref(), pull).await };
            connected.map_ok(|docker| Arc::new(docker) as Arc<dyn Engine>).boxed()
        };
        let client = Client::new(Endpoints { rpc: options.rpc_urls.clone(), ws: vec![] });
        let chain = Arc::new(Rpc::new(client, &options.node_key));
        Self::start_on(options, chain, connect).await
    }

    /// Like [`Service::start`], on the given parts.
    ///
    /// # Errors
    /// [`Error`], before anything was promised to anybody.
    pub async fn start_with(options: Options, parts: Parts) -> Result<Handle, Error> {
        let Parts { engine, chain } = parts;
        Self::start_on(options, chain, move || ready(Ok(engine.clone())).boxed()).await
    }

    async fn start_on(
        options: Options,
        chain: Arc<dyn Chain>,
        connect: impl Fn() -> BoxFuture<'static, Result<Arc<dyn Engine>, container::Error>> + Send + Sync,
    ) -> Result<Handle, Error> {
        dialled_at(&options.orchestrator_url)?;
        let data_dir = |source| Error::DataDir { path: options.data_dir.clone(), source };
        let key = millrace_client::keys::address_of(&options.node_key);
        folders::claim(&options.data_dir, key)?;
        // What is at stake does not wait for it.
        if !journal::read(&options.data_dir).is_ok_and(|records| Held::of(&records).at_stake) {
            connect().await?;
        }
        let (registered, unconfirmed) = registration::find(chain.as_ref(), key, &options.data_dir).await?;
        let node = registered.node;
        let only_one = checks::only_one(node)?;
        let (journal, records) = Journal::open(&options.data_dir)?;
        let mut held = Held::of(&records);
        let folders = Folders::create(&options.data_dir).map_err(data_dir)?;
        inputs::evict(&folders.cache(), options.cache_limit_mib.saturating_mul(1_048_576), &BTreeSet::new())
            .map_err(data_dir)?;
        let clock = Clock::go_on(&options.data_dir, &records, &held);
        let troubles = Arc::new(Troubles::default());
        let engine_name = options.docker_host.clone().unwrap_or_else(|| "its usual address".to_owned());
        let ask = || unseen::ask(connect(), &engine_name, node);
        let (asked_sender, asked) = unbounded_channel();
        let (mut answering, at_work) = (JoinSet::new(), Arc::new(OnceLock::new()));
        let (started_at, folders_now) = (clock.now(), folders.clone());
        let start =
            AtStart { node, options: &options, folders: folders_now, started_at, clock, troubles: troubles.clone() };
        let mut unseen = Unseen { start, chain: chain.clone(), journal, records, asked };
        let answered = if held.at_stake {
            answer(&mut answering, &options.data_dir, asked_sender.clone(), at_work.clone());
            unseen.meanwhile(ask()).await?
        } else {
            ask().await
        };
        let (engine, info, found) = match answered {
            Ok(answer) => answer,
            Err(error) if held.at_stake => {
                tracing::error!(
                    code = error.code(),
                    %error,
                    hint = error.hint(),
                    "until the engine answers, only what the rig has on chain is looked after"
                );
                troubles.note_lasting(&error, clock.now());
                let answer = unseen.wait(ask).await?;
                troubles.end_lasting(error.code());
                // Leases and results may have come to their end meanwhile.
                held = Held::of(&unseen.records);
                answer
            }
            Err(error) => return Err(error.into()),
        };
        let look = hardware::look(&options, &registered.hardware, (&held, &found), &troubles, clock);
        let (inventory, unfit) = if held.at_stake {
            let looked = unseen.meanwhile(look).await?;
            held = Held::of(&unseen.records);
            looked?
        } else {
            look.await?
        };
        let Unseen { mut journal, records, asked, .. } = unseen;
        let idle = held.is_idle(&found);
        if idle {
            checks::disk(folders.root(), options.disk_reserve_mib)?;
        }
        let (confirm, confirmed) = unbounded_channel();
        let unfit = match unconfirmed {
            None => {
                if let Err(error) = registered.keep(folders.root()) {
                    tracing::warn!(%error, "the next start will need an endpoint of the chain that answers");
                }
                unfit
            }
            Some(error) => {
                tracing::warn!(code = error.code(), %error, hint = error.hint(), "no further lease is taken before it answers");
                troubles.note_lasting(&error, clock.now());
                if unfit.is_none() {
                    tokio::spawn(registration::confirm(chain.clone(), registered.clone(), confirm));
                }
                unfit.or(Some(error))
            }
        };
        let folders = folders.with_user_namespace(info.user_namespace);
        folders.users().tell();
        tracing::info!(node = %node, engine = info.version, gpus = inventory.summary(), "worker starts");

        let network = options.allow_network && is_fenced(engine.as_ref(), &troubles, clock.now()).await;
        let image_bytes = options.image_cache_mib.saturating_mul(1_048_576);
        let signing = Arc::new(SigningKey::from_bytes(options.node_key.secret_bytes()));
        let vault = Vault::open(folders.root(), node, &signing, folders.users().clone()).map_err(data_dir)?;
        let disk_reserve = options.disk_reserve_mib.saturating_mul(1_048_576);
        let room = Room::new([Some(folders.root().to_owned()), info.image_folder.clone()], disk_reserve);
        let registries = Registries::new(options.registries);
        let images = ImageCache::open(folders.root(), image_bytes, clock, registries, room).map_err(data_dir)?;
        let recovered = recover(&records, &found, clock.now());
        // What it holds must be cleaned up on a full disk, too, and a long journal is a good one.
        if let Err(error) = journal.compact(&recovered.agent.snapshot()) {
            tracing::warn!(%error, "the journal stays long");
        }

        let (fault_sender, gpu_faults) = unbounded_channel();
        let monitor = hardware::is_real(&inventory)
            .then(|| Monitor::start(options.nvml_library, inventory.gpus.clone(), fault_sender));
        let (set_objects, objects) = watch::channel(None);
        let context = Arc::new(Context {
            node,
            orchestrator_url: options.orchestrator_url.clone(),
            engine: engine.clone(),
            engine_cores: info.cpu_cores,
            folders: folders.clone(),
            inventory,
            monitor,
            resolvers: options.resolvers,
            disk_reserve,
            cache_limit: options.cache_limit_mib.saturating_mul(1_048_576),
            objects,
            fetching: Fetching::default(),
            encrypting: Mutex::new(()),
            images,
            vault,
            troubles: troubles.clone(),
            clock,
        });
        let rig = Rig {
            hardware: checks::hardware_of(registered.hardware, &info),
            price: registered.price,
            spot_price: registered.spot_price,
            any_attestor: options.any_attestor,
            bid_share: options.bid_share,
            longest: options.longest_lease,
            network,
            gvisor: info.gvisor,
            draining: folders::is_draining(folders.root()),
            unfit: unfit.is_some(),
            disk_reserve_mib: options.disk_reserve_mib,
        };
        let (step_sender, step_events) = unbounded_channel();
        let (link_sender, link_events) = channel(link_client::WAITING);
        let (log_sender, shipments) = unbounded_channel::<Shipment>();
        let (connected, is_connected) = watch::channel(false);
        let stop = CancellationToken::new();

        let serving = match options.metrics {
            None => None,
            Some(address) => match serve_metrics(address, asked_sender.clone(), context.clone()).await {
                Ok(serving) => Some(serving),
                Err(error) if idle => return Err(error),
                Err(error) => {
                    tracing::warn!(code = error.code(), %error, hint = error.hint(), "nobody can ask for metrics");
                    troubles.note(&error, clock.now());
                    None
                }
            },
        };
        at_work.get_or_init(|| context.clone());
        if answering.is_empty() {
            answer(&mut answering, &options.data_dir, asked_sender, at_work);
        }
        let dialer = Dialer { url: options.orchestrator_url.clone(), key: signing.clone(), engine, clock, troubles };
        let dialing = tokio::spawn(dialer.run(link_sender));
        let shipping = tokio::spawn(ship(folders, shipments));
        let metrics_address = serving.as_ref().map(|(address, _)| *address);
        let (image_sender, engine_images) = unbounded_channel();
        let watching = tokio::spawn(images::watch(context.clone(), image_sender));
        let gpus = challenge::names(&context.inventory, registered.hardware.gpu_count);
        let library = (!context.inventory.simulated).then_some(options.cuda_library);
        let (challenges, challenge_events) = Challenges::new(options.prover, node, library, gpus);
        let wiring = Wiring {
            step_events,
            link_events,
            gpu_faults,
            challenge_events,
            asked,
            images: engine_images,
            connected,
            set_objects,
            logs: log_sender,
            advertised_address: options.advertised_address.unwrap_or_default(),
            stop: stop.clone(),
            unfit,
            confirmed,
        };
        let steps = Steps::new(context.clone(), step_sender);
        let node_key = Arc::new(options.node_key);
        let driver = Driver::new(
            recovered.agent,
            journal,
            clock,
            rig,
            context,
            steps,
            challenges,
            chain,
            node_key,
            signing,
            wiring,
        );
        driver.tell_unknown(&found);
        let driving = tokio::spawn(async move {
            let _only_one = only_one;
            let result = driver.run(recovered.actions).await;
            answering.shutdown().await;
            for beside in [dialing, shipping, watching].into_iter().chain(serving.map(|(_, serving)| serving)) {
                beside.abort();
                let _ = beside.await;
            }
            result
        });
        let data_dir = options.data_dir;
        Ok(Handle { node, data_dir, metrics: metrics_address, stop, connected: is_connected, driving })
    }
}

/// A running worker.
pub struct Handle {
    node: Address,
    data_dir: PathBuf,
    metrics: Option<SocketAddr>,
    stop: CancellationToken,
    connected: watch::Receiver<bool>,
    driving: JoinHandle<Result<(), Error>>,
}

impl Handle {
    pub fn node(&self) -> Address {
        self.node
    }

    pub fn data_dir(&self) -> &std::path::Path {
        &self.data_dir
    }

    /// Where metrics are served, if they are.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Returns when the orchestrator has welcomed the worker.
    pub async fn connected(&self) {
        let mut connected = self.connected.clone();
        // An error means that the worker has stopped: it will never be connected.
        if connected.wait_for(|connected| *connected).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Works until `stop` is through, or until it stops by itself: whoever looks after the process is then to start it
    /// anew. Leaves containers running for the next worker on the same data folder.
    ///
    /// # Errors
    /// [`Error::Journal`]: a journal that cannot be written stops it; [`Error::HardwareMismatch`],
    /// [`Error::ToolkitUnfit`], once nothing is at stake any more that had it start all the same.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let ended = tokio::select! {
            () = stop => None,
            ended = &mut self.driving => Some(ended),
        };
        match ended {
            Some(ended) => how(ended),
            None => self.shutdown().await,
        }
    }

    /// Stops, and leaves containers running for the next worker on the same data folder.
    ///
    /// # Errors
    /// What stopped the worker before.
    pub async fn shutdown(self) -> Result<(), Error> {
        self.stop.cancel();
        how(self.driving.await)
    }
}

fn how(ended: Result<Result<(), Error>, JoinError>) -> Result<(), Error> {
    match ended {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Ok(()),
    }
}

async fn serve_metrics(
    address: SocketAddr,
    asked: UnboundedSender<Asked>,
    context: Arc<Context>,
) -> Result<(SocketAddr, JoinHandle<()>), Error> {
    let unusable = |source| Error::Metrics { address, source };
    let server = metrics::bind(address, asked, context).await.map_err(unusable)?;
    let address = server.address().map_err(unusable)?;
    Ok((address, tokio::spawn(server.run())))
}

/// A folder that can hold no socket still holds a worker.
fn answer(
    answering: &mut JoinSet<()>,
    data_dir: &Path,
    asked: UnboundedSender<Asked>,
    at_work: Arc<OnceLock<Arc<Context>>>,
) {
    match Server::bind(data_dir, asked, at_work) {
        Ok(server) => drop(answering.spawn(server.run())),
        Err(error) => tracing::warn!(%error, "the worker cannot be asked how it is"),
    }
}

/// A rig that cannot keep strangers out of its networks gives them none.
async fn is_fenced(engine: &dyn Engine, troubles: &Troubles, now: UnixSeconds) -> bool {
    let fenced = engine.fence().await;
    if let Err(error) = &fenced {
        troubles.note(error, now);
        tracing::warn!(code = error.code(), %error, hint = error.hint(), "no job that wants a network is taken");
    }
    fenced.is_ok()
}
