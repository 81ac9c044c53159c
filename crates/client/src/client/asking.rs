//! Requests: to one endpoint after the other, to all at once, and to whoever knows most.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::client_error::Error as RpcError;
use solana_rpc_client_api::response::Response;
use tokio::time::Instant;

use super::{RpcResult, TIMEOUT, is_endpoint_fault};
use crate::{Client, Error};

/// After this long without an answer the next endpoint is asked as well.
const HEDGE: Duration = Duration::from_secs(1);
/// How much later than the first good answer another one may come and still be compared with it.
const GRACE: Duration = Duration::from_millis(300);
/// The same of endpoints that were late the last time.
const SHORT_GRACE: Duration = Duration::from_millis(30);
/// Before all endpoints are tried a second and a third time.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(500)];
/// How long a reading waits for endpoints that have not seen yet what this client has seen, its own last
/// transaction included.
const CATCH_UP: Duration = Duration::from_secs(2);
const CATCH_UP_POLL: Duration = Duration::from_millis(100);

impl Client {
    /// Asks the endpoint that is likely to know most, and others when it fails or takes long; the first
    /// answer counts. Three times round, so that a dropped connection is no failure.
    pub(crate) async fn ask<T, F, Fut>(&self, request: F) -> Result<T, Error>
    where
        F: Fn(Arc<RpcClient>) -> Fut,
        Fut: Future<Output = RpcResult<T>>,
    {
        self.ask_among(|_| true, request).await
    }

    /// The same of those endpoints alone that have said to be at this slot: one that is behind, or claims what
    /// cannot be, must not answer in the place of one that takes long. Of all where nobody has said so.
    pub(crate) async fn ask_at<T, F, Fut>(&self, slot: u64, request: F) -> Result<T, Error>
    where
        F: Fn(Arc<RpcClient>) -> Fut,
        Fut: Future<Output = RpcResult<T>>,
    {
        let is_there = |index: usize| {
            let claim = self.shared.connections[index].slot();
            claim >= slot && self.allows(claim)
        };
        let is_any_there = (0..self.shared.connections.len()).any(is_there);
        self.ask_among(|index| !is_any_there || is_there(index), request).await
    }

    async fn ask_among<T, F, Fut>(&self, is_asked: impl Fn(usize) -> bool, request: F) -> Result<T, Error>
    where
        F: Fn(Arc<RpcClient>) -> Fut,
        Fut: Future<Output = RpcResult<T>>,
    {
        let mut last = None;
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            let order = self.order().into_iter().filter(|index| is_asked(*index)).collect();
            match self.ask_round(order, &request).await {
                Ok(value) => return Ok(value),
                Err(failures) => last = failures.into_iter().last().or(last),
            }
            if last.as_ref().is_none_or(|(_, error)| !is_endpoint_fault(error)) {
                break;
            }
        }
        Err(self.failure(last))
    }

    /// One round over some endpoints; their failures where none answers, one that is worth no second round last.
    async fn ask_round<T, F, Fut>(&self, order: Vec<usize>, request: &F) -> Result<T, Vec<(usize, RpcError)>>
    where
        F: Fn(Arc<RpcClient>) -> Fut,
        Fut: Future<Output = RpcResult<T>>,
    {
        let connections = &self.shared.connections;
        let mut waiting = order.into_iter();
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

    /// Asks all endpoints at once. Returns a little after the first answer that `suffices`, some seconds after
    /// the first that does not, or when all have answered; who is late is left out.
    pub(crate) async fn ask_each<T, F, Fut>(
        &self,
        request: F,
        suffices: impl Fn(&T) -> bool,
    ) -> Vec<(usize, RpcResult<T>)>
    where
        F: Fn(Arc<RpcClient>) -> Fut,
        Fut: Future<Output = RpcResult<T>>,
    {
        self.ask_each_for(CATCH_UP, request, suffices).await
    }

    /// Asks all endpoints at once and hears them all, however slow.
    pub(crate) async fn ask_all<T, F, Fut>(&self, request: F) -> Vec<(usize, RpcResult<T>)>
    where
        F: Fn(Arc<RpcClient>) -> Fut,
        Fut: Future<Output = RpcResult<T>>,
    {
        self.ask_each_for(TIMEOUT, request, |_| false).await
    }

    async fn ask_each_for<T, F, Fut>(
        &self,
        patience: Duration,
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
        let (mut first_good, mut first) = (None, None);
        loop {
            let is_awaited = missing.iter().any(|index| !connections[*index].is_late());
            let grace = if is_awaited { GRACE } else { SHORT_GRACE };
            let deadline = first_good.map(|at: Instant| at + grace).or(first.map(|at: Instant| at + patience));
            let next = match deadline {
                Some(deadline) => tokio::time::timeout_at(deadline, running.next()).await.ok().flatten(),
                None => running.next().await,
            };
            let Some((index, answer)) = next else { break };
            missing.retain(|other| *other != index);
            connections[index].set_late(answer.is_err());
            if let Ok(answer) = &answer {
                let now = Instant::now();
                first.get_or_insert(now);
                if suffices(answer) {
                    first_good.get_or_insert(now);
                }
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
            let asked_at = Instant::now();
            let newest = if self.shared.connections.len() == 1 {
                let answer = self.ask(&request).await?;
                self.believe(&[answer.context.slot], asked_at);
                answer
            } else {
                // Whoever is behind, or says what cannot be, is no reason to stop waiting for the others.
                let known = self.landed().max(self.horizon());
                let suffices = |answer: &Response<T>| {
                    let slot = answer.context.slot;
                    slot >= known && self.allows(slot)
                };
                let answers = self.ask_each(&request, suffices).await;
                let mut good: Vec<_> =
                    answers.into_iter().filter_map(|(index, answer)| Some((index, answer.ok()?))).collect();
                let claims: Vec<u64> = good.iter().map(|(_, answer)| answer.context.slot).collect();
                for ((index, _), slot) in good.iter().zip(&claims) {
                    self.shared.connections[*index].set_slot(*slot);
                }
                match self.believe(&claims, asked_at) {
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
}
