use std::collections::HashMap;

use millrace_link::grpc::orchestrator_message::Body;
use millrace_protocol::{Address, HardwareAttestation};
use millrace_scheduler::{ChallengeOrder, ChallengeResult, Event, Transaction};
use millrace_spec::Sha256;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Driver, Input};
use crate::challenge::{Exam, Heard};

/// Challenges that are with workers, by node: the session that was asked, the challenge's number, and who waits.
#[derive(Default)]
pub(super) struct Exams(HashMap<Address, (u64, u64, mpsc::Sender<Heard>)>);

impl Exams {
    /// The stream has ended: nobody is going to answer.
    pub fn end(&mut self, node: Address, session: u64) {
        if self.0.get(&node).is_some_and(|(asked, ..)| *asked == session) {
            self.0.remove(&node);
        }
    }

    /// An answer that nobody waits for is dropped, and so is what is more than was asked for.
    pub fn hear(&mut self, node: Address, session: u64, number: u64, heard: Heard) {
        let waiting = self.0.get(&node).filter(|(asked, known, _)| (*asked, *known) == (session, number));
        let taken = waiting.is_some_and(|(.., waiting)| waiting.try_send(heard).is_ok());
        if !taken {
            tracing::debug!(%node, number, "an answer to a challenge that nobody waits for");
        }
    }
}

impl Driver {
    pub(super) fn challenge_node(&mut self, order: &ChallengeOrder) {
        let (node, number) = (order.node, order.challenge);
        let Some(session) = self.sessions.get(&node) else {
            return self.later(Event::ChallengeEnded { node, challenge: number, result: ChallengeResult::GivenUp });
        };
        tracing::info!(%node, number, gpus = order.gpus.len(), simulated = order.simulated, "challenging a node");
        let exam = Exam::new(order);
        let (outbound, inbox) = (session.outbound.clone(), self.inbox.clone());
        let (answers, heard) = mpsc::channel(exam.answers());
        self.exams.0.insert(node, (session.id, number, answers));
        self.tell(node, Body::GpuChallenge(exam.message()));
        let began = Instant::now();
        self.beside.spawn(async move {
            let result = exam.conduct(began, heard, outbound).await;
            match &result {
                ChallengeResult::Shown(evidence) => {
                    tracing::info!(%node, number, score = evidence.score, "a node has shown its GPUs");
                }
                ChallengeResult::Refused(cause) => {
                    tracing::warn!(%node, number, code = cause.code, cause = cause.message, "a node was refused");
                }
                ChallengeResult::GivenUp => tracing::info!(%node, number, "a challenge came to nothing"),
            }
            inbox.send(Input::Event(Event::ChallengeEnded { node, challenge: number, result })).await;
        });
    }

    pub(super) fn attest_node(
        &mut self,
        node: Address,
        attestation: HardwareAttestation,
        (digest, score): (Sha256, u16),
    ) {
        let shown = millrace_client::instructions::Attestation { shown: attestation, digest: digest.0, score };
        let transaction = Transaction::AttestNode { node };
        self.transact(transaction, move |chain| async move { chain.attest_node(node, shown).await });
    }
}
