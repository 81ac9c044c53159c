//! The workers' end: one stream per worker, opened by the worker, which proves its node key before
//! anything else is heard. A stream only translates; all state is the driver's. What a worker says of objects is looked
//! into beside it.

mod connection;
mod convert;
mod handshake;
mod rounds;
mod said;
mod stream;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::Stream;
use millrace_link::grpc::link_server::{Link, LinkServer};
use millrace_link::grpc::{OrchestratorMessage, WorkerMessage};
use millrace_protocol::Address;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use crate::door::Door;
use crate::driver::Inbox;
use crate::logs::Logs;
use crate::objects::Objects;
use crate::outbound::Outbound;
use connection::{Connection, Proven};

/// Largest message in bytes: a worker's resume, or a piece of a log.
const MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// How long a connection may take until a node key is proven on it.
const UNPROVEN: Duration = Duration::from_secs(30);
/// A worker that is gone without a word is noticed after these two together.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What every stream needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub inbox: Inbox,
    pub logs: Logs,
    pub objects: Objects,
    pub program: Address,
    pub heartbeat_millis: u64,
    /// How workers reach the object endpoint.
    pub object_endpoint: String,
    pub stop: CancellationToken,
}

/// Whom a worker speaks for, and the key it has proven.
struct Peer {
    node: Address,
    key: Address,
    /// Of this stream's challenge.
    nonce: [u8; 32],
}

struct Service {
    context: Context,
    /// Tells streams apart; grows.
    sessions: Arc<AtomicU64>,
}

/// Serves workers until the context's `stop`.
pub(crate) async fn serve(door: Door, context: Context) {
    let stop = context.stop.clone();
    let service = Service { context, sessions: Arc::new(AtomicU64::new(1)) };
    let service =
        LinkServer::new(service).max_decoding_message_size(MESSAGE_BYTES).max_encoding_message_size(MESSAGE_BYTES);
    let served = Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .add_service(service)
        .serve_with_incoming_shutdown(connections(door), stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the worker link has ended");
    }
}

/// Those for which there is a place. The others are cut off: this protocol has no word for it before a call.
fn connections(door: Door) -> impl Stream<Item = std::io::Result<Connection>> {
    futures_util::stream::unfold(door, |door| async {
        loop {
            match door.next().await {
                (stream, Ok(place)) => return Some((Ok(Connection::new(stream, place, UNPROVEN)), door)),
                (_, Err(full)) => tracing::debug!(?full, "a connection of a worker finds no place"),
            }
        }
    })
}

#[tonic::async_trait]
impl Link for Service {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<OrchestratorMessage, Status>> + Send>>;

    async fn attach(&self, request: Request<Streaming<WorkerMessage>>) -> Result<Response<Self::AttachStream>, Status> {
        let id = self.sessions.fetch_add(1, Ordering::Relaxed);
        let proven = request.extensions().get::<Proven>().cloned().unwrap_or_default();
        let (outbound, queue) = Outbound::queue();
        let context = self.context.clone();
        tokio::spawn(stream::run(context, id, request.into_inner(), outbound, proven));
        Ok(Response::new(Box::pin(queue)))
    }
}
