//! One client for all endpoints: who is asked, in which order, and whose answer counts.

mod connection;
mod horizon;

use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::client_error::{Error as RpcError, ErrorKind};
use solana_rpc_client_api::request::RpcError as Answer;
use solana_rpc_client_api::response::Response;
use tokio::time::Instant;

use crate::{Endpoints, Error};
use connection::Connection;
use horizon::Horizon;

/// How long one endpoint may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// After this long without an answer the next endpoint is asked as well.
const HEDGE: Duration = Duration::from_secs(1);
/// How much later than the first good answer another one may come and still be compared with it.
const GRACE: Duration = Duration::from_millis(300);
/// The same of endpoints that were late the last time.
const SHORT_GRACE: Duration = Duration::from_millis(30);
/// Before all endpoints are tried a second and a third time.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(500)];
/// How long a reading waits for endpoints that have not seen this client's own last transaction yet.
const CATCH_UP: Duration = Duration::from_secs(2);
const CATCH_UP_POLL: Duration = Duration::from_millis(100);
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

    /// Asks the endpoint that is likely to know most, and others when it fails or takes long; the first
    /// answer counts. Three times round, so that a dropped connection is no failure.
    pub(crate) async fn ask<T, F, Fut>(&self, request: F) -> Result<T, Error>
    where
        F: Fn(Arc<RpcClient>) -> Fut,
        Fut: Future<Output = RpcResult<T>>,
    {
        let mut last = None;
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            match self.ask_round(&request).await {
                Ok(value) => return Ok(value),
                Err(failures) => last = failures.into_iter().last().or(last),
            }
            if last.as_ref().is_none_or(|(_, error)| !is_endpoint_fault(error)) {
                break;
            }
        }
        Err(self.failure(last))
    }

    /// One round over all endpoints; their failures where none answers, one that is worth no second round last.
    async fn ask_round<T, F, Fut>(&self, request: &F) -> Result<T, Vec<(usize, RpcError)>>
    where
        F: Fn(Arc<RpcClient>) -> Fut,
        Fut: Future<Output = RpcResult<T>>,
    {
        let connections = &self.shared.connections;
        let mut waiting = self.order().into_iter();
        let mut running = FuturesUnordered::new();
        let start = |index: usize| {
            let answer = request(connections[index].rpc.clone());
            async move { (index, answer.await) }
        };
        running.extend(waiting.next().map(start));
        let mut failures = Vec::new();
        loop {
            match tokio::time::timeout(HEDGE, running.next()).await {
                Ok(Some((index, Ok(value)))) => {
                    connections[index].set_late(false);
                    self.shared.preferred.store(index, Ordering::Relaxed);
                    return Ok(value);
                }
                Ok(Some((index, Err(error)))) => {
                    let endpoint = &self.shared.endpoints.rpc[index];
                    tracing::debug!(endpoint, %error, "an RPC endpoint does not answer");
                    connections[index].set_late(true);
                    failures.push((index, error));
                    running.extend(waiting.next().map(start));
                }
                Ok(None) => {
                    failures.sort_by_key(|(_, error)| !is_endpoint_fault(error));
                    return Err(failures);
                }
                Err(_) => running.extend(waiting.next().map(start)),
            }
        }
    }

    /// Asks all endpoints at once. Returns a little after the first answer that `suffices`, or when all
    /// have answered; who is late is left out.
    pub(crate) async fn ask_each<T, F, Fut>(
        &self,
        request: F,
        suffices: impl Fn(&T) -> bool,
    ) -> Vec<(usize, RpcResult<T>)>
    where
        F: Fn(Arc<RpcClient>) -> Fut,
        Fut: Future<Output = RpcResult<T>>,
    {
        let connections = &self.shared.connections;
        let mut missing: Vec<usize> = (0..connections.len()).collect();
        let mut running: FuturesUnordered<_> = (missing.iter().copied())
            .map(|index| {
                let answer = request(connections[index].rpc.clone());
                async move { (index, answer.await) }
            })
            .collect();
        let mut answers = Vec::new();
        let mut first_good = None;
        loop {
            let deadline = first_good.map(|at: Instant| {
                let is_awaited = missing.iter().any(|index| !connections[*index].is_late());
                at + if is_awaited { GRACE } else { SHORT_GRACE }
            });
            let next = match deadline {
                Some(deadline) => tokio::time::timeout_at(deadline, running.next()).await.ok().flatten(),
                None => running.next().await,
            };
            let Some((index, answer)) = next else { break };
            missing.retain(|other| *other != index);
            connections[index].set_late(answer.is_err());
            if first_good.is_none() && answer.as_ref().is_ok_and(&suffices) {
                first_good = Some(Instant::now());
            }
            answers.push((index, answer));
        }
        for index in missing {
            connections[index].set_late(true);
        }
        answers
    }

    /// What the newest endpoint says, and the slot it says it of.
    pub(crate) async fn read_newest<T, F, Fut>(&self, request: F) -> Result<(u64, T), Error>
    where
        F: Fn(Arc<RpcClient>) -> Fut,
        Fut: Future<Output = RpcResult<Response<T>>>,
    {
        let give_up = Instant::now() + CATCH_UP;
        loop {
            let newest = if self.shared.connections.len() == 1 {
                let answer = self.ask(&request).await?;
                self.believe(&[answer.context.slot]);
                answer
            } else {
                // Whoever is behind, or says what cannot be, is no reason to stop waiting for the others.
                let landed = self.landed();
                let suffices = |answer: &Response<T>| {
                    let slot = answer.context.slot;
                    slot >= landed && self.allows(slot)
                };
                let answers = self.ask_each(&request, suffices).await;
                let mut good: Vec<_> =
                    answers.into_iter().filter_map(|(index, answer)| Some((index, answer.ok()?))).collect();
                let claims: Vec<u64> = good.iter().map(|(_, answer)| answer.context.slot).collect();
                for ((index, _), slot) in good.iter().zip(&claims) {
                    self.shared.connections[*index].set_slot(*slot);
                }
                match self.believe(&claims) {
                    Some(chosen) => good.swap_remove(chosen).1,
                    None => self.ask(&request).await?,
                }
            };
            let slot = newest.context.slot;
            if slot >= self.landed() || Instant::now() >= give_up {
                return Ok((slot, newest.value));
            }
            tokio::time::sleep(CATCH_UP_POLL).await;
        }
    }

    /// The newest of several claimed slots that can be believed, by its index.
    pub(crate) fn believe(&self, claims: &[u64]) -> Option<usize> {
        let mut horizon = self.shared.horizon.lock().unwrap_or_else(PoisonError::into_inner);
        horizon.newest(claims, std::time::Instant::now())
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
