//! One client for all endpoints: who is asked, in which order, and whose answer counts.

mod asking;
mod connection;
mod horizon;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::client_error::{Error as RpcError, ErrorKind};
use solana_rpc_client_api::request::RpcError as Answer;

use tokio::time::Instant;

use crate::{Endpoints, Error};
use connection::Connection;
use horizon::Horizon;

/// How long one endpoint may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// JSON-RPC codes by which an endpoint says that it is not fit to answer now: internal error, node
/// behind, slot not reached, block or history not kept, method disabled.
const ENDPOINT_CODES: [i64; 7] = [-32_603, -32_005, -32_016, -32_004, -32_001, -32_011, -32_601];

pub(crate) type RpcResult<T> = Result<T, RpcError>;

/// Reads the chain, at commitment `confirmed`. Cheap to clone; clones share what they learn about the
/// endpoints.
///
/// With several endpoints, an account is asked of all at once and the newest answer counts; what is dear
/// to an endpoint is asked of the newest one, and of the next when it takes longer than a second. After a
/// transaction of a [`crate::Sender`] of this client has landed, readings wait up to 2 s for an endpoint
/// that has seen it.
///
/// ```no_run
/// # async fn example() -> Result<(), millrace_client::Error> {
/// use millrace_client::{Client, Endpoints};
///
/// let client = Client::new(Endpoints::from_rpc("http://127.0.0.1:8899"));
/// let config = client.config().await?;
/// println!("the network takes {} hundredths of a percent", config.parameters.fee.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What a [`Client`] has seen of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The newest slot that the chain is believed to have reached; zero before anything was read.
    pub slot: u64,
    /// Since that slot was seen first, or since the client was made.
    pub age: Duration,
    /// In the order of [`Endpoints::rpc`].
    pub endpoints: Vec<SeenEndpoint>,
}

/// An RPC endpoint by its last answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenEndpoint {
    /// It failed, or came too late, when it was asked last.
    pub is_late: bool,
    /// Slots between its last answer and [`Seen::slot`]; none where answers are not compared, as with one endpoint.
    pub behind: Option<u64>,
}

struct Shared {
    endpoints: Endpoints,
    connections: Vec<Connection>,
    /// Index of the endpoint that answered last.
    preferred: AtomicUsize,
    horizon: Mutex<Horizon>,
    /// The slot of the last transaction of this client's that landed.
    landed: AtomicU64,
}

impl Client {
    /// Connects lazily: nothing is sent before the first call. Without any RPC URL every call
    /// fails as unreachable.
    pub fn new(endpoints: Endpoints) -> Self {
        let connections = endpoints.rpc.iter().map(|url| Connection::new(url)).collect();
        let horizon = Mutex::new(Horizon::new(std::time::Instant::now()));
        let (preferred, landed) = (AtomicUsize::new(0), AtomicU64::new(0));
        Self { shared: Arc::new(Shared { endpoints, connections, preferred, horizon, landed }) }
    }

    pub fn endpoints(&self) -> &Endpoints {
        &self.shared.endpoints
    }

    /// Every endpoint, by its index.
    pub(crate) fn rpcs(&self) -> impl Iterator<Item = (usize, Arc<RpcClient>)> {
        self.shared.connections.iter().map(|connection| connection.rpc.clone()).enumerate()
    }

    /// The newest of several slots that were claimed since `asked_at` and can be believed, by its index.
    pub(crate) fn believe(&self, claims: &[u64], asked_at: Instant) -> Option<usize> {
        let mut horizon = self.shared.horizon.lock().unwrap_or_else(PoisonError::into_inner);
        horizon.newest(claims, asked_at.into_std(), std::time::Instant::now())
    }

    /// Whether the chain can have reached a slot by now.
    pub(crate) fn allows(&self, slot: u64) -> bool {
        let horizon = self.shared.horizon.lock().unwrap_or_else(PoisonError::into_inner);
        horizon.allows(slot, std::time::Instant::now())
    }

    /// The newest slot that the chain is believed to have reached; zero before anything was read.
    pub(crate) fn horizon(&self) -> u64 {
        self.shared.horizon.lock().unwrap_or_else(PoisonError::into_inner).slot()
    }

    /// How much of the chain this client has seen by now, without asking anybody.
    pub fn seen(&self) -> Seen {
        let horizon = self.shared.horizon.lock().unwrap_or_else(PoisonError::into_inner);
        let (slot, age) = (horizon.slot(), horizon.age(std::time::Instant::now()));
        drop(horizon);
        let endpoint = |connection: &Connection| SeenEndpoint {
            is_late: connection.is_late(),
            behind: Some(connection.slot()).filter(|told| *told > 0).map(|told| slot.saturating_sub(told)),
        };
        Seen { slot, age, endpoints: self.shared.connections.iter().map(endpoint).collect() }
    }

    /// The slot of the last transaction of this client's that landed; zero before the first.
    pub(crate) fn landed(&self) -> u64 {
        self.shared.landed.load(Ordering::Relaxed)
    }

    /// From here on, readings are to know of this slot.
    pub(crate) fn note_landed(&self, slot: u64) {
        if self.allows(slot) {
            self.shared.landed.fetch_max(slot, Ordering::Relaxed);
        }
    }

    /// Indices of all endpoints: who answers before who does not, then the newer, then who answered last.
    fn order(&self) -> Vec<usize> {
        let (connections, first) = (&self.shared.connections, self.shared.preferred.load(Ordering::Relaxed));
        let n = connections.len();
        let mut order: Vec<usize> = (0..n).map(|offset| (first + offset) % n).collect();
        let slot = |index: &usize| Some(connections[*index].slot()).filter(|slot| self.allows(*slot)).unwrap_or(0);
        order.sort_by_key(|index| (connections[*index].is_late(), std::cmp::Reverse(slot(index))));
        order
    }

    /// The typed error behind the last failure.
    pub(crate) fn failure(&self, last: Option<(usize, RpcError)>) -> Error {
        let (endpoint, source) = match last {
            Some((index, source)) => (self.shared.endpoints.rpc[index].clone(), source),
            None => {
                let nowhere = ErrorKind::Custom("no RPC endpoint is configured".to_owned());
                return Error::Unreachable { endpoint: "(no endpoint)".to_owned(), source: Box::new(nowhere.into()) };
            }
        };
        // Whoever says that it cannot answer does answer.
        let answers = !is_endpoint_fault(&source)
            || matches!(source.kind(), ErrorKind::RpcError(Answer::RpcResponseError { .. }));
        let source = Box::new(source);
        if answers { Error::Rejected { endpoint, source } } else { Error::Unreachable { endpoint, source } }
    }
}

/// Whether another endpoint, or the same one later, may do better with the very same request.
pub(crate) fn is_endpoint_fault(error: &RpcError) -> bool {
    match error.kind() {
        ErrorKind::Io(_) | ErrorKind::Reqwest(_) | ErrorKind::Middleware(_) | ErrorKind::SerdeJson(_) => true,
        ErrorKind::RpcError(Answer::RpcResponseError { code, .. }) => ENDPOINT_CODES.contains(code),
        ErrorKind::RpcError(Answer::RpcRequestError(_) | Answer::ParseError(_)) => true,
        ErrorKind::RpcError(Answer::ForUser(_))
        | ErrorKind::SigningError(_)
        | ErrorKind::TransactionError(_)
        | ErrorKind::Custom(_) => false,
    }
}
