use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::{OrchestratorMessage, Peer};
use millrace_protocol::Address;
use tokio_util::sync::DropGuard;

use super::Driver;
use crate::outbound::Outbound;

/// One stream of one worker.
pub(crate) struct Session {
    pub node: Address,
    /// Proven by whoever opened it.
    pub key: Address,
    pub id: u64,
    /// Where its rig is reached by a gang's other members; empty where it does not say.
    pub advertised_address: String,
    pub outbound: Outbound,
    /// Ends the stream when this is dropped: a newer stream is up, or the worker does not keep up.
    pub _end: DropGuard,
}

impl Driver {
    /// A gang's member as the others are told of it.
    pub(super) fn peer(&self, node: Address) -> Peer {
        let session = self.sessions.get(&node);
        let address = session.map(|session| session.advertised_address.clone()).unwrap_or_default();
        Peer { node: node.0.to_vec(), address }
    }

    /// Whoever has proven a key that the node has no longer speaks for it no longer.
    pub(super) fn end_session_of_other_key(&mut self, node: Address, key: Address) {
        if self.sessions.get(&node).is_some_and(|session| session.key != key) {
            tracing::info!(%node, %key, "a node has another key: its worker must prove that one");
            self.sessions.remove(&node);
        }
    }

    /// Sends to the node's worker, if it is there. A worker that does not keep up loses its stream:
    /// it will come back and say what it holds.
    pub(super) fn tell(&mut self, node: Address, body: Body) {
        let Some(session) = self.sessions.get(&node) else { return };
        if session.outbound.try_send(Ok(OrchestratorMessage { body: Some(body) })).is_err() {
            tracing::warn!(%node, "a worker does not keep up and is cut off");
            self.sessions.remove(&node);
        }
    }
}
