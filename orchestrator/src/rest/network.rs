use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use millrace_link::rest::{self, ChallengeState};
use millrace_protocol::{Address, UnixSeconds};
use millrace_scheduler::{Cause, Proof};

use super::jobs::parse;
use super::{Context, Refusal, count};
use crate::driver::Driver;

pub(super) async fn network(State(context): State<Arc<Context>>) -> Result<Json<rest::Network>, Refusal> {
    let (program, scheduler) = (context.program, context.scheduler);
    let network = context.inbox.ask(move |driver| rest::Network {
        program,
        scheduler,
        heartbeat_millis: driver.core.settings().heartbeat_millis,
        nodes_connected: count(driver.sessions.len()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    network.await.map(Json).ok_or_else(Refusal::stopping)
}

pub(super) async fn nodes(State(context): State<Arc<Context>>) -> Result<Json<Vec<rest::Node>>, Refusal> {
    context.ask(None, all_nodes).await.map(Json)
}

fn all_nodes(driver: &Driver) -> Vec<rest::Node> {
    let render = |(address, entry): (_, &millrace_scheduler::NodeEntry)| rest::Node {
        address,
        provider: entry.view.provider,
        provider_name: provider_name(driver, entry.view.provider),
        hardware: entry.view.node.hardware,
        price: entry.view.node.price,
        spot_price: entry.view.node.spot_price,
        service_level: entry.view.node.service_level,
        attestation: entry.view.node.attestation,
        units_leased: entry.view.node.leased.0,
        driver: entry.view.driver,
        cuda: entry.view.cuda,
        connected: driver.sessions.contains_key(&address),
        draining: driver.core.is_draining(address),
        quarantined: driver.core.is_quarantined(driver.clock.now(), address),
        runtimes: driver.core.runtimes(address).to_vec(),
        challenge: driver.core.proof(address).map(|proof| challenged(driver.clock.now().chain, proof)),
    };
    let mut nodes: Vec<_> = driver.core.nodes().map(render).collect();
    nodes.sort_unstable_by_key(|node| node.address);
    nodes
}

pub(super) fn provider_name(driver: &Driver, provider: Address) -> String {
    driver.book.provider(provider).map_or_else(String::new, |provider| provider.display_name.clone())
}

/// What the node's attestation on chain is the digest of.
pub(super) async fn evidence(
    State(context): State<Arc<Context>>,
    Path(node): Path<String>,
) -> Result<Json<rest::Evidence>, Refusal> {
    let address = parse(&node)?;
    let shown = context.ask(None, move |driver| driver.core.proof(address)?.shown.clone());
    let shown = shown.await?.ok_or_else(nothing_shown)?;
    let gpu = |gpu: &millrace_scheduler::GpuEvidence| rest::GpuEvidence {
        gpu: gpu.gpu.clone(),
        nonce: gpu.nonce.to_string(),
        tiles: gpu.tiles,
        root: gpu.root.to_string(),
        took_millis: gpu.took,
    };
    Ok(Json(rest::Evidence {
        digest: shown.evidence.digest(address).to_string(),
        since: shown.since,
        until: shown.until,
        driver: shown.evidence.driver.to_string(),
        simulated: shown.evidence.simulated,
        score: shown.evidence.score,
        gpus: shown.evidence.gpus.iter().map(gpu).collect(),
    }))
}

/// Also those of a node that has nothing to show now: who swaps GPUs may, and others can see it.
pub(super) async fn gpus(
    State(context): State<Arc<Context>>,
    Path(node): Path<String>,
) -> Result<Json<Vec<rest::SeenGpu>>, Refusal> {
    let address = parse(&node)?;
    let history = context.ask(None, move |driver| Some(driver.core.proof(address)?.history.clone()));
    let seen = |seen: millrace_scheduler::SeenGpu| rest::SeenGpu { gpu: seen.gpu, first: seen.first, last: seen.last };
    Ok(Json(history.await?.unwrap_or_default().into_iter().map(seen).collect()))
}

fn nothing_shown() -> Refusal {
    let hint = "look at `challenge` of the node in /v1/nodes";
    Refusal::new(StatusCode::NOT_FOUND, "evidence-missing", "the node has not shown its GPUs", hint)
}

fn challenged(now: UnixSeconds, proof: &Proof) -> rest::Challenged {
    let shown = proof.shown.as_ref().filter(|shown| now < shown.until);
    let state = match (shown, &proof.refused) {
        (Some(shown), _) if shown.evidence.simulated => ChallengeState::Simulated,
        (Some(_), _) => ChallengeState::Shown,
        (None, Some(_)) => ChallengeState::Refused,
        (None, None) if proof.is_asked() => ChallengeState::Asked,
        (None, None) => ChallengeState::Waiting,
    };
    let refusal = proof.refused.as_ref().map(|refused| {
        let Cause { code, message, hint } = refused.cause.clone();
        rest::Failure { code, cause: message, hint }
    });
    rest::Challenged { state, until: shown.map(|shown| shown.until), refusal }
}
