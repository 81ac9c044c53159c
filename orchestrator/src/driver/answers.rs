//! Nodes' words on what is proposed to them: a lease, or more time for one.

use std::collections::HashMap;
use std::time::Duration;

use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::{OrchestratorMessage, Refusal};
use millrace_protocol::Address;
use millrace_scheduler::{Cause, OpenFailure};
use millrace_spec::{Sha256, sha256};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use crate::outbound::Outbound;

/// How long a worker may take to answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
/// Answers to what was proposed before that may come while one is awaited.
const LATE: usize = 8;

/// What a node has answered.
pub(crate) struct Reply {
    /// The transaction that is meant, where the node says so.
    pub transaction: Option<Sha256>,
    /// The node's signature, or its no.
    pub result: Result<[u8; 64], Refusal>,
}

/// Who waits for a node's word, by node and lease: only the node that was asked may answer.
#[derive(Default)]
pub(super) struct Answers(HashMap<(Address, Address), Sender<Reply>>);

impl Answers {
    /// A place for the node's answer.
    pub fn expect(&mut self, node: Address, lease: Address) -> Receiver<Reply> {
        let (waiting, answered) = channel(LATE);
        self.0.retain(|_, waiting| !waiting.is_closed());
        self.0.insert((node, lease), waiting);
        answered
    }

    /// Hands the answer to whoever waits for it, if anybody does.
    pub fn hear(&self, node: Address, lease: Address, reply: Reply) {
        if let Some(waiting) = self.0.get(&(node, lease)) {
            let _ = waiting.try_send(reply);
        }
    }
}

/// Proposes a transaction to a node. Its signature; where it refuses, who asks is told what, and what to do now.
pub(super) async fn propose(
    outbound: Option<Outbound>,
    (message, transaction): (Body, &[u8]),
    mut answered: Receiver<Reply>,
    (offered, hint): (&str, &str),
) -> Result<[u8; 64], OpenFailure> {
    let outbound = outbound.ok_or(OpenFailure::Unanswered)?;
    let sent = outbound.send(Ok(OrchestratorMessage { body: Some(message) })).await;
    sent.map_err(|_| OpenFailure::Unanswered)?;
    let proposed = sha256(transaction);
    // A late answer to what was proposed before is none to this.
    let meant = async {
        while let Some(reply) = answered.recv().await {
            if reply.transaction.is_none_or(|transaction| transaction == proposed) {
                return Some(reply.result);
            }
        }
        None
    };
    match timeout(ANSWER_PATIENCE, meant).await.ok().flatten() {
        Some(Ok(signature)) => Ok(signature),
        Some(Err(refusal)) => Err(OpenFailure::Refused(Cause {
            code: refusal.code,
            message: format!("the node refused {offered}: {}", refusal.cause),
            hint: hint.to_owned(),
        })),
        None => Err(OpenFailure::Unanswered),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::StreamExt;

    use super::*;

    const ASKED: Address = Address([1; 32]);
    const LEASE: Address = Address([3; 32]);

    fn signed(transaction: Option<&[u8]>, byte: u8) -> Reply {
        Reply { transaction: transaction.map(sha256), result: Ok([byte; 64]) }
    }

    #[test]
    fn only_the_node_that_was_asked_answers() {
        let other = Address([2; 32]);
        let mut answers = Answers::default();
        let mut waits = answers.expect(ASKED, LEASE);
        answers.hear(other, LEASE, signed(None, 1));
        answers.hear(ASKED, other, signed(None, 1));
        assert!(waits.try_recv().is_err());
        answers.hear(ASKED, LEASE, signed(None, 1));
        assert!(waits.try_recv().is_ok());
    }

    #[tokio::test]
    async fn a_late_answer_is_not_taken_for_one_to_the_next_proposal() {
        let cases: [(&[Reply], Option<u8>); 4] = [
            (&[signed(Some(b"before"), 1), signed(Some(b"this"), 2)], Some(2)),
            (&[signed(Some(b"before"), 1)], None),
            (&[signed(None, 3)], Some(3)),
            (&[], None),
        ];
        for (replies, expected) in cases {
            let mut answers = Answers::default();
            let answered = answers.expect(ASKED, LEASE);
            for reply in replies {
                answers.hear(ASKED, LEASE, Reply { transaction: reply.transaction, result: reply.result.clone() });
            }
            // Nobody is left to answer.
            drop(answers);
            let (outbound, queue) = Outbound::queue();
            let message = (Body::Extension(Default::default()), b"this".as_slice());
            let signature = propose(Some(outbound), message, answered, ("more time", "nothing to do")).await;
            assert!(pin!(queue).next().await.is_some(), "it was proposed");
            assert_eq!(signature.ok(), expected.map(|byte| [byte; 64]));
        }
    }

    #[tokio::test]
    async fn who_is_not_there_is_not_waited_for() {
        let answered = Answers::default().expect(ASKED, LEASE);
        let message = (Body::Extension(Default::default()), b"this".as_slice());
        let unanswered = propose(None, message, answered, ("more time", "nothing to do")).await;
        assert_eq!(unanswered, Err(OpenFailure::Unanswered));
    }
}
