use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use millrace_link::rest;

use super::{Context, Refusal};
use crate::driver::Driver;

pub(super) async fn network(State(context): State<Arc<Context>>) -> Result<Json<rest::Network>, Refusal> {
    let (program, scheduler) = (context.program, context.scheduler);
    let network = context.inbox.ask(move |driver| rest::Network {
        program,
        scheduler,
        heartbeat_millis: driver.core.settings().heartbeat_millis,
        nodes_connected: u32::try_from(driver.sessions.len()).unwrap_or(u32::MAX),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    network.await.map(Json).ok_or_else(Refusal::stopping)
}

pub(super) async fn nodes(State(context): State<Arc<Context>>) -> Result<Json<Vec<rest::Node>>, Refusal> {
    context.inbox.ask(all_nodes).await.map(Json).ok_or_else(Refusal::stopping)
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
        connected: driver.sessions.contains_key(&address),
        draining: driver.core.is_draining(address),
    };
    let mut nodes: Vec<_> = driver.core.nodes().map(render).collect();
    nodes.sort_unstable_by_key(|node| node.address);
    nodes
}

pub(super) fn provider_name(driver: &Driver, provider: millrace_protocol::Address) -> String {
    driver.book.provider(provider).map_or_else(String::new, |provider| provider.display_name.clone())
}
