//! The worker's end of the link: dials out, proves the node key, and dials again. Containers know
//! nothing of it.

use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use millrace_client::Keypair;
use millrace_client::keys::address_of;
use millrace_link::grpc::link_client::LinkClient;
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{self, OrchestratorMessage, Welcome, WorkerMessage};
use millrace_link::heartbeat::BeatSigner;
use millrace_link::{LINK_VERSION, auth};
use millrace_protocol::{Address, Diagnostic};
use thiserror::Error;
use tokio::sync::mpsc::{Sender, UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

use crate::clock::Clock;
use crate::container::Engine;
use crate::messages::{address, message};
use crate::orchestrator_url::{self, UrlError};
use crate::troubles::Troubles;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Short: a silent worker loses its tasks to others after three heartbeats.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(10);
/// A peer that is gone without a word is noticed after these two together.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
const KEEP_ALIVE_PATIENCE: Duration = Duration::from_secs(10);
/// Messages that may wait for a driver that has much to do; more wait at the orchestrator's end.
pub(crate) const WAITING: usize = 64;
/// Largest message: a spec with many inputs.
const MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Why there is no link right now.
#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    BadUrl(#[from] UrlError),
    #[error("the orchestrator at {url} does not answer")]
    Unreachable { url: String, source: tonic::transport::Error },
    #[error("the orchestrator broke the link off: {}", .0.message())]
    Broken(tonic::Status),
    #[error("the orchestrator does not accept this worker: {}", .0.message())]
    Refused(tonic::Status),
    #[error("the orchestrator closed the link")]
    Closed,
    #[error("the orchestrator said something out of order, where {expected} was expected")]
    OutOfOrder { expected: &'static str },
    #[error("the orchestrator works for another program, {program}")]
    OtherProgram { program: Address },
    #[error("the orchestrator did not answer in time")]
    TooSlow,
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::BadUrl(source) => source.code(),
            Self::Unreachable { .. } => "orchestrator-unreachable",
            Self::Broken(_) | Self::Closed => "link-broken",
            Self::Refused(_) => "link-refused",
            Self::OutOfOrder { .. } => "link-out-of-order",
            Self::OtherProgram { .. } => "link-other-program",
            Self::TooSlow => "link-too-slow",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::BadUrl(source) => return source.hint(),
            Self::Unreachable { .. } | Self::Broken(_) | Self::Closed | Self::TooSlow => {
                "nothing to do if the orchestrator is being restarted: the worker tries again, containers keep running"
            }
            Self::Refused(_) => "check that the node is registered with this key, and that versions match",
            Self::OutOfOrder { .. } => "check that worker and orchestrator are of the same version",
            Self::OtherProgram { .. } => "check which network this orchestrator serves",
        }
        .to_owned()
    }
}

/// What the link tells the driver.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    Connected {
        welcome: Welcome,
        cached_images: Vec<String>,
        outbound: UnboundedSender<WorkerMessage>,
        beats: BeatSigner,
    },
    Message(OrchestratorMessage),
    Disconnected,
}

/// A link on which proof of the node key was asked for.
struct Greeted {
    outbound: UnboundedSender<WorkerMessage>,
    inbound: Streaming<OrchestratorMessage>,
    program: Address,
    nonce: [u8; 32],
}

/// A link on which the node key was proven.
struct Shaken {
    outbound: UnboundedSender<WorkerMessage>,
    inbound: Streaming<OrchestratorMessage>,
    welcome: Welcome,
    beats: BeatSigner,
}

/// Who dials, and where.
pub(crate) struct Dialer {
    pub url: String,
    pub key: Arc<SigningKey>,
    pub engine: Arc<dyn Engine>,
    pub clock: Clock,
    pub troubles: Arc<Troubles>,
}

impl Dialer {
    /// Keeps a link up until nobody listens to `events` any more.
    pub async fn run(self, events: Sender<LinkEvent>) {
        let (mut pause, mut said) = (FIRST_PAUSE, None);
        while !events.is_closed() {
            let mut was_up = false;
            let ended = self.session(&events, &mut was_up).await;
            if was_up {
                pause = FIRST_PAUSE;
                let _ = events.send(LinkEvent::Disconnected).await;
            }
            // Once per reason, however long it lasts.
            if was_up || said != Some(ended.code()) {
                tracing::warn!(code = ended.code(), error = %ended, hint = ended.hint(), "no link to the orchestrator");
                self.troubles.note(&ended, self.clock.now());
                said = Some(ended.code());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn session(&self, events: &Sender<LinkEvent>, was_up: &mut bool) -> Error {
        let Shaken { outbound, mut inbound, welcome, beats } = match self.shake_hands().await {
            Ok(link) => link,
            Err(error) => return error,
        };
        *was_up = true;
        // Only a hint for the orchestrator: an engine that hangs must not hold up heartbeats.
        let images = tokio::time::timeout(PATIENCE / 4, self.engine.images()).await;
        let cached_images = images.unwrap_or_else(|_| Ok(vec![])).unwrap_or_default();
        let _ = events.send(LinkEvent::Connected { welcome, cached_images, outbound, beats }).await;
        loop {
            match next(&mut inbound).await {
                Ok(message) => {
                    if events.send(LinkEvent::Message(message)).await.is_err() {
                        return Error::Closed;
                    }
                }
                Err(error) => return error,
            }
        }
    }

    async fn shake_hands(&self) -> Result<Shaken, Error> {
        let channel = dial(&self.url).await?;
        let node_key = Address(self.key.verifying_key().to_bytes());
        let within = tokio::time::timeout(PATIENCE, async {
            let Greeted { outbound, mut inbound, program, nonce } = greet(channel, node_key).await?;
            let signed = auth::link_challenge(program, node_key, &nonce);
            let response = grpc::ChallengeResponse { signature: self.key.sign(&signed).to_bytes().to_vec() };
            let _ = outbound.send(message(WorkerBody::ChallengeResponse(response)));
            match next(&mut inbound).await?.body {
                Some(Body::Welcome(welcome)) => {
                    let beats = BeatSigner::new(program, self.key.clone(), &nonce);
                    Ok(Shaken { outbound, inbound, welcome, beats })
                }
                _ => Err(Error::OutOfOrder { expected: "a welcome" }),
            }
        });
        within.await.map_err(|_| Error::TooSlow)?
    }
}

/// Goes as far as anybody may: until proof of a node key is asked for, here of one that is nobody's.
///
/// # Errors
/// [`Error`]: what is no orchestrator's end of the link, or none for this worker.
pub(crate) async fn try_out(url: &str) -> Result<(), Error> {
    greet(dial(url).await?, address_of(&Keypair::new())).await.map(drop)
}

async fn dial(url: &str) -> Result<Channel, Error> {
    let endpoint = orchestrator_url::endpoint(url)?
        .connect_timeout(PATIENCE)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_PATIENCE)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    endpoint.connect().await.map_err(|source| Error::Unreachable { url: url.to_owned(), source })
}

async fn greet(channel: Channel, node_key: Address) -> Result<Greeted, Error> {
    let mut client = LinkClient::new(channel).max_decoding_message_size(MESSAGE_BYTES);
    let (outbound, queue) = unbounded_channel();
    let hello = grpc::Hello {
        node_key: node_key.0.to_vec(),
        link_version: LINK_VERSION,
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let _ = outbound.send(message(WorkerBody::Hello(hello)));
    let mut inbound = client.attach(UnboundedReceiverStream::new(queue)).await.map_err(broken)?.into_inner();
    let Some(Body::Challenge(challenge)) = next(&mut inbound).await?.body else {
        return Err(Error::OutOfOrder { expected: "a challenge" });
    };
    let program =
        address(&challenge.program, "program").map_err(|_| Error::OutOfOrder { expected: "a program's address" })?;
    if program != millrace_client::address::program() {
        return Err(Error::OtherProgram { program });
    }
    let nonce =
        <[u8; 32]>::try_from(challenge.nonce).map_err(|_| Error::OutOfOrder { expected: "a challenge of 32 bytes" })?;
    Ok(Greeted { outbound, inbound, program, nonce })
}

async fn next(inbound: &mut Streaming<OrchestratorMessage>) -> Result<OrchestratorMessage, Error> {
    inbound.message().await.map_err(broken)?.ok_or(Error::Closed)
}

fn broken(status: tonic::Status) -> Error {
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied | Code::FailedPrecondition | Code::NotFound => {
            Error::Refused(status)
        }
        _ => Error::Broken(status),
    }
}
