use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::client_error::{Error as RpcError, ErrorKind};
use solana_rpc_client_api::request::RpcError as Answer;

use crate::{Endpoints, Error};

/// How long one endpoint may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Before all endpoints are tried a second time.
const PAUSE: Duration = Duration::from_millis(250);
/// JSON-RPC codes by which an endpoint says that it is not fit to answer now: internal error, node
/// behind, slot not reached, block or history not kept, method disabled.
const ENDPOINT_CODES: [i64; 7] = [-32_603, -32_005, -32_016, -32_004, -32_001, -32_011, -32_601];

pub(crate) type RpcResult<T> = Result<T, RpcError>;

/// Reads the chain, at commitment `confirmed`. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    endpoints: Endpoints,
    rpcs: Vec<Arc<RpcClient>>,
    /// Index of the endpoint that answered last.
    preferred: AtomicUsize,
}

impl Client {
    /// Connects lazily: nothing is sent before the first call. Without any RPC URL every call
    /// fails as unreachable.
    pub fn new(endpoints: Endpoints) -> Self {
        let connect = |url: &String| {
            let commitment = CommitmentConfig::confirmed();
            Arc::new(RpcClient::new_with_timeout_and_commitment(url.clone(), TIMEOUT, commitment))
        };
        let rpcs = endpoints.rpc.iter().map(connect).collect();
        Self { shared: Arc::new(Shared { endpoints, rpcs, preferred: AtomicUsize::new(0) }) }
    }

    pub fn endpoints(&self) -> &Endpoints {
        &self.shared.endpoints
    }

    /// Every endpoint, the one that answered last first.
    pub(crate) fn rpcs(&self) -> impl Iterator<Item = (usize, &Arc<RpcClient>)> {
        let (rpcs, first) = (&self.shared.rpcs, self.shared.preferred.load(Ordering::Relaxed));
        (0..rpcs.len()).map(move |offset| (first + offset) % rpcs.len()).map(move |index| (index, &rpcs[index]))
    }

    /// Asks one endpoint after the other until one answers, and remembers which. Twice round, so
    /// that a single dropped connection is no failure.
    pub(crate) async fn ask<T, F, Fut>(&self, request: F) -> Result<T, Error>
    where
        F: Fn(Arc<RpcClient>) -> Fut,
        Fut: Future<Output = RpcResult<T>>,
    {
        let mut last = None;
        for round in 0..2 {
            if round > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            for (index, rpc) in self.rpcs() {
                match request(rpc.clone()).await {
                    Ok(value) => {
                        self.shared.preferred.store(index, Ordering::Relaxed);
                        return Ok(value);
                    }
                    Err(error) if is_endpoint_fault(&error) => {
                        tracing::debug!(endpoint = rpc.url(), %error, "an RPC endpoint does not answer");
                        last = Some((rpc.url(), error));
                    }
                    Err(source) => return Err(Error::Rejected { endpoint: rpc.url(), source: Box::new(source) }),
                }
            }
        }
        let (endpoint, source) = last.unwrap_or_else(|| {
            let nowhere = ErrorKind::Custom("no RPC endpoint is configured".to_owned());
            ("(no endpoint)".to_owned(), nowhere.into())
        });
        let source = Box::new(source);
        // Whoever says that it cannot answer does answer.
        let answers = matches!(source.kind(), ErrorKind::RpcError(Answer::RpcResponseError { .. }));
        Err(if answers { Error::Rejected { endpoint, source } } else { Error::Unreachable { endpoint, source } })
    }
}

/// Whether another endpoint may do better with the very same request.
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
