//! HTTP for buyers and for objects. Handlers ask the driver between two inputs and render; the one
//! thing they do themselves is to move objects.

mod auctions;
mod authorized;
mod early_outputs;
mod explain;
mod findings;
mod gate;
mod jobs;
mod network;
mod objects;
mod placements;
mod problem;
mod sealed;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, put};
use millrace_protocol::Address;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::driver::Inbox;
use crate::logs::Logs;
use crate::objects::Objects;

pub(crate) use authorized::Authorized;
pub use gate::Gate;
pub use objects::object_endpoint;
pub use problem::Refusal;

/// What the handlers need.
pub(crate) struct Context {
    pub inbox: Inbox,
    pub objects: Objects,
    pub logs: Logs,
    pub program: Address,
    pub scheduler: Address,
}

/// Serves requests until `stop`; those under way are finished.
pub(crate) async fn serve(listener: TcpListener, context: Context, stop: CancellationToken) {
    let served = axum::serve(listener, router(Arc::new(context))).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "the HTTP endpoint has ended");
    }
}

fn router(context: Arc<Context>) -> Router {
    let objects = objects::routes(context.objects.clone(), Arc::new(context.inbox.clone()));
    Router::new()
        .route("/v1/network", get(network::network))
        .route("/v1/nodes", get(network::nodes))
        .route("/v1/nodes/{node}/evidence", get(network::evidence))
        .route("/v1/jobs", get(jobs::list))
        .route("/v1/jobs/{job}", get(jobs::show))
        .route("/v1/jobs/{job}/auctions", get(auctions::show))
        .route("/v1/jobs/{job}/findings", get(findings::show))
        .route("/v1/jobs/{job}/placements", get(placements::show))
        .route("/v1/jobs/{job}/sealed/{lease}", put(sealed::put))
        .route("/v1/jobs/{job}/outputs", get(jobs::outputs))
        .route("/v1/jobs/{job}/outputs/early", get(early_outputs::show))
        .route("/v1/jobs/{job}/logs", get(jobs::logs))
        .fallback(problem::no_such_route)
        // Objects and envelopes limit themselves; nothing else reads a body.
        .layer(DefaultBodyLimit::disable())
        .with_state(context)
        .merge(objects)
}
