//! The orchestrator's ends of its workers' streams.

use std::collections::BTreeSet;

use millrace_protocol::Address;
use millrace_scheduler::{Action, Cause, Event, Fault, TaskProgress};

use super::{Asked, Input};
use crate::chain::Origin;
use crate::harm::Harm;
use crate::ledger::Instruction;
use crate::message::{ToOrchestrator, ToRig};
use crate::name;
use crate::sabotage::Sabotage;
use crate::simulation::{Simulation, What};
use millrace_protocol::transitions::LeaseOffer;
use millrace_scheduler::{OpenFailure, Transaction};

impl Simulation {
    pub fn orchestrator_hears(&mut self, session: u64, message: ToOrchestrator, mut harms: BTreeSet<Harm>) {
        let Some(rig) = self.links.heard_from(session) else { return };
        if self.held_up(session) {
            harms.insert(Harm::MessageHeldUp);
            return self.plan(200, What::ToOrchestrator { session, message: Box::new(message), harms });
        }
        if !self.orchestrator.is_up() || !self.is_heard(&harms) {
            return;
        }
        let node = name::node(rig);
        self.take_in(Input::FromStream { session, node, message });
    }

    pub fn orchestrator_hears_end(&mut self, session: u64) {
        if let Some(rig) = self.links.end_for_orchestrator(session) {
            self.take_in(Input::Detached { session, node: name::node(rig) });
        }
    }

    pub(super) fn take_from_stream(
        &mut self,
        session: u64,
        node: Address,
        message: ToOrchestrator,
        actions: &mut Vec<Action>,
    ) {
        let current = self.orchestrator.session(node);
        match message {
            ToOrchestrator::Resume { draining, images, held, reports } => {
                // A message that was sent twice begins no second stream.
                if current.is_some_and(|current| current >= session) {
                    return;
                }
                if let Some(running) = &mut self.orchestrator.running {
                    running.sessions.insert(node, session);
                }
                if let Some(earlier) = current {
                    self.end_stream_from_orchestrator(earlier);
                }
                let images = images.into_iter().collect();
                self.feed(Event::WorkerDraining { node, draining }, actions);
                self.feed(Event::WorkerConnected { node, session, images, held }, actions);
                for report in reports {
                    let report = self.arrived(report);
                    self.feed(report, actions);
                }
            }
            ToOrchestrator::Announced { gpus } if current == Some(session) => {
                self.feed(Event::GpusAnnounced { node, session, gpus }, actions);
            }
            ToOrchestrator::Proved { number, answer } if current == Some(session) => {
                self.proof_arrives(node, session, number, answer);
            }
            ToOrchestrator::Said(event) if current == Some(session) => {
                let event = self.arrived(*event);
                self.feed(event, actions);
            }
            ToOrchestrator::Answer { number, lease, answer } if current == Some(session) => {
                self.answered((node, number), lease, answer, actions);
            }
            ToOrchestrator::ExtensionAnswer { number, lease, answer } if current == Some(session) => {
                self.extension_answered(node, number, lease, answer, actions);
            }
            ToOrchestrator::Said(_)
            | ToOrchestrator::Answer { .. }
            | ToOrchestrator::ExtensionAnswer { .. }
            | ToOrchestrator::Announced { .. }
            | ToOrchestrator::Proved { .. } => {}
        }
    }

    /// A task is done when its outputs are here, not when its worker says so.
    fn arrived(&mut self, event: Event) -> Event {
        let Event::TaskUpdate { node, lease, task, attempt, progress: TaskProgress::Done { outputs } } = &event else {
            return event;
        };
        let here = outputs.iter().all(|output| self.objects.contains(&output.object.sha256));
        let by_its_node =
            self.orchestrator.core().and_then(|core| core.lease(*lease)).is_some_and(|it| it.view.node == *node);
        if here || self.is_sabotaged(Sabotage::OutputsAreNotChecked) {
            if here && by_its_node {
                self.witness.delivered(*lease, *task, *attempt);
            }
            return event;
        }
        let cause = Cause {
            code: "output-missing".to_owned(),
            message: "an output was reported and never uploaded".to_owned(),
            hint: String::new(),
        };
        let progress = TaskProgress::Failed { fault: Fault::Node, exit_code: None, cause };
        Event::TaskUpdate { node: *node, lease: *lease, task: *task, attempt: *attempt, progress }
    }

    pub(super) fn offer_prepared(&mut self, number: u64) {
        let valid_until = self.chain.slot + crate::chain::BLOCKHASH_LIFE;
        let Some(asked) = self.orchestrator.running.as_mut().and_then(|running| running.asked.get_mut(&number)) else {
            return;
        };
        asked.valid_until = valid_until;
        asked.sent = true;
        let (lease, offer) = (asked.lease, asked.offer);
        let negotiated = offer.bid_book.is_some();
        let terms = LeaseOffer { price: offer.price, negotiated, maximum: offer.maximum };
        let session = asked.session.filter(|session| self.orchestrator.session(offer.node) == Some(*session));
        match session {
            Some(session) => {
                self.send_to_rig(session, ToRig::Offer { number, lease, job: offer.job, offer: terms });
                self.chore(super::act::ANSWER_PATIENCE, super::Chore::OfferOverdue { number });
            }
            None => self.offer_overdue(number),
        }
    }

    pub(super) fn offer_overdue(&mut self, number: u64) {
        let asked = self.orchestrator.running.as_mut().and_then(|running| running.asked.remove(&number));
        if let Some(Asked { offer, .. }) = asked {
            let failure = OpenFailure::Unanswered;
            self.take_in(Input::Event(Event::OfferFailed { job: offer.job, offer: offer.offer, failure }));
        }
    }

    /// Only the node that was asked may answer, and only what still waits: its signature is for that transaction alone.
    fn answered(
        &mut self,
        (node, number): (Address, u64),
        lease: Address,
        answer: Result<(), Cause>,
        actions: &mut Vec<Action>,
    ) {
        let Some(running) = &mut self.orchestrator.running else { return };
        let waits = |asked: &Asked| asked.sent && asked.lease == lease && asked.offer.node == node;
        if !running.asked.get(&number).is_some_and(waits) {
            return;
        }
        let Some(Asked { offer, opened_slot, valid_until, .. }) = running.asked.remove(&number) else { return };
        match answer {
            Ok(()) => {
                let negotiated = offer.bid_book.is_some();
                let terms = LeaseOffer { price: offer.price, negotiated, maximum: offer.maximum };
                let instruction =
                    Instruction::OpenLease { job: offer.job, opened_slot, number: offer.number, node, offer: terms };
                let transaction = Transaction::OpenLease { job: offer.job, offer: offer.offer };
                let origin = Origin::Orchestrator { run: self.orchestrator.run, transaction };
                self.launch(instruction, origin, valid_until, 0);
            }
            Err(cause) => {
                let failure = OpenFailure::Refused(cause);
                self.feed(Event::OfferFailed { job: offer.job, offer: offer.offer, failure }, actions);
            }
        }
    }
}
