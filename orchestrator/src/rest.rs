//! HTTP for buyers and for objects. Handlers ask the driver between two inputs and render; the one
//! thing they do themselves is to move objects.

mod asked;
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
mod serve;
mod stall;
mod turns;
mod uploads;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, put};
use millrace_protocol::Address;
use tokio_util::sync::CancellationToken;

use crate::door::Door;
use crate::driver::{Driver, Inbox};
use crate::logs::Logs;
use crate::objects::Objects;

use asked::Asked;
pub(crate) use authorized::Authorized;
pub use gate::Gate;
pub use objects::object_endpoint;
pub use problem::Refusal;
use turns::Asker;
pub(crate) use turns::Turns;

/// What the handlers need.
pub(crate) struct Context {
    pub inbox: Inbox,
    pub turns: Turns,
    pub objects: Objects,
    pub logs: Logs,
    pub program: Address,
    pub scheduler: Address,
}

impl Context {
    /// Asks about the state what costs more than a look at one thing, when it is the asker's turn.
    ///
    /// # Errors
    /// `questions-too-many`, `orchestrator-stopping`.
    async fn ask<T: Send + 'static>(
        &self,
        asker: Asker,
        question: impl FnOnce(&Driver) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = self.turns.wait(asker).await?;
        let answer = self.inbox.ask(move |driver| {
            let began = Instant::now();
            let answer = question(driver);
            turn.took(began.elapsed());
            answer
        });
        answer.await.ok_or_else(Refusal::stopping)
    }
}

/// Serves requests until `stop`; those under way are finished.
pub(crate) async fn serve(door: Door, context: Context, stop: CancellationToken) {
    serve::serve(door, router(Arc::new(context)), stop).await;
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn router(context: Arc<Context>) -> Router {
    let objects = objects::routes(context.objects.clone(), Arc::new(context.inbox.clone()));
    Router::new()
        .route("/v1/network", get(network::network))
        .route("/v1/nodes", get(network::nodes))
        .route("/v1/nodes/{node}/evidence", get(network::evidence))
        .route("/v1/nodes/{node}/gpus", get(network::gpus))
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
        .method_not_allowed_fallback(problem::no_such_method)
}
