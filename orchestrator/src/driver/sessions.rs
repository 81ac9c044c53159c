use std::collections::HashMap;

use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::{OrchestratorMessage, Peer, offer_reply};
use millrace_protocol::Address;
use tokio::sync::oneshot;
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

/// Who waits for a node's word on what was proposed to it, by node and lease: only the node that was asked may answer.
#[derive(Default)]
pub(super) struct Answers(HashMap<(Address, Address), oneshot::Sender<offer_reply::Result>>);

impl Answers {
    /// A place for the node's answer.
    pub fn expect(&mut self, node: Address, lease: Address) -> oneshot::Receiver<offer_reply::Result> {
        let (answer, answered) = oneshot::channel();
        self.0.retain(|_, waiting| !waiting.is_closed());
        self.0.insert((node, lease), answer);
        answered
    }

    /// Who waits for the answer, if anybody does.
    pub fn take(&mut self, node: Address, lease: Address) -> Option<oneshot::Sender<offer_reply::Result>> {
        self.0.remove(&(node, lease))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_node_that_was_asked_answers() {
        let (asked, other, lease) = (Address([1; 32]), Address([2; 32]), Address([3; 32]));
        let mut answers = Answers::default();
        let _waits = answers.expect(asked, lease);
        assert!(answers.take(other, lease).is_none());
        assert!(answers.take(asked, lease).is_some());
        assert!(answers.take(asked, lease).is_none());
    }
}
