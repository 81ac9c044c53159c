use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::{OrchestratorMessage, offer_reply};
use millrace_protocol::Address;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::DropGuard;
use tonic::Status;

use super::Driver;

/// One stream of one worker.
pub(crate) struct Session {
    pub node: Address,
    pub id: u64,
    pub outbound: mpsc::Sender<Result<OrchestratorMessage, Status>>,
    /// Ends the stream when this is dropped: a newer stream is up, or the worker does not keep up.
    pub _end: DropGuard,
}

impl Driver {
    /// Sends to the node's worker, if it is there. A worker that does not keep up loses its stream:
    /// it will come back and say what it holds.
    pub(super) fn tell(&mut self, node: Address, body: Body) {
        let Some(session) = self.sessions.get(&node) else { return };
        if session.outbound.try_send(Ok(OrchestratorMessage { body: Some(body) })).is_err() {
            tracing::warn!(%node, "a worker does not keep up and is cut off");
            self.sessions.remove(&node);
        }
    }

    /// A place for the node's answer to an offer.
    pub(super) fn expect_answer(&mut self, lease: Address) -> oneshot::Receiver<offer_reply::Result> {
        let (answer, answered) = oneshot::channel();
        self.answers.retain(|_, waiting| !waiting.is_closed());
        self.answers.insert(lease, answer);
        answered
    }
}
