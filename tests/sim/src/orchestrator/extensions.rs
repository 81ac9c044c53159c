//! More time for leases, step by step like the real shell: prepared, signed by the node, and brought in.

use millrace_protocol::{Address, Seconds};
use millrace_scheduler::{Action, Cause, Event, OpenFailure, Transaction};

use super::Input;
use super::act::ANSWER_PATIENCE;
use crate::chain::{BLOCKHASH_LIFE, Origin};
use crate::ledger::{Account, Instruction};
use crate::message::ToRig;
use crate::name;
use crate::simulation::{Chore, Simulation, What};

/// What waits for its node's word.
pub(super) struct Proposed {
    node: Address,
    lease: Address,
    job: Address,
    more: Seconds,
    session: Option<u64>,
    valid_until: u64,
    sent: bool,
}

impl Simulation {
    pub(super) fn propose_extension(&mut self, node: Address, lease: Address, more: Seconds) {
        let run = self.orchestrator.run;
        let job = match self.account(lease) {
            Some(Account::Lease(view)) if self.account(node).is_some() => Some(view.job),
            _ => None,
        };
        let unreachable = job.is_some() && self.meets_silence();
        let Some(job) = job.filter(|_| !unreachable) else {
            let code = if unreachable { "rpc-unreachable" } else { "account-missing" }.to_owned();
            let cause = Cause { code, message: "it cannot be prepared".to_owned(), hint: String::new() };
            self.chore(0, Chore::Reconcile);
            let transaction = Transaction::ExtendLease { lease };
            let input = Input::Event(Event::TransactionFailed { transaction, cause });
            return self.plan(1, What::Input { run, input: Box::new(input) });
        };
        let session = self.orchestrator.session(node);
        let delay = 20 + self.delay();
        let number = self.orchestrator.next_number();
        let Some(running) = &mut self.orchestrator.running else { return };
        let proposed = Proposed { node, lease, job, more, session, valid_until: 0, sent: false };
        running.extensions.insert(number, proposed);
        self.note(|| format!("scheduler  > proposes {} s more for {}", more.0, name::short(lease)));
        self.chore(delay, Chore::ExtensionPrepared { number });
    }

    pub(super) fn extension_prepared(&mut self, number: u64) {
        let valid_until = self.chain.slot + BLOCKHASH_LIFE;
        let running = self.orchestrator.running.as_mut();
        let Some(proposed) = running.and_then(|running| running.extensions.get_mut(&number)) else { return };
        (proposed.valid_until, proposed.sent) = (valid_until, true);
        let Proposed { node, lease, job, more, session, .. } = *proposed;
        match session.filter(|session| self.orchestrator.session(node) == Some(*session)) {
            Some(session) => {
                self.send_to_rig(session, ToRig::Extend { number, lease, job, more });
                self.chore(ANSWER_PATIENCE, Chore::ExtensionOverdue { number });
            }
            None => self.extension_overdue(number),
        }
    }

    pub(super) fn extension_overdue(&mut self, number: u64) {
        let running = self.orchestrator.running.as_mut();
        if let Some(Proposed { lease, .. }) = running.and_then(|running| running.extensions.remove(&number)) {
            self.take_in(Input::Event(Event::ExtensionFailed { lease, failure: OpenFailure::Unanswered }));
        }
    }

    /// Only the node that was asked may answer, and only what still waits: its signature is for that transaction alone.
    pub(super) fn extension_answered(
        &mut self,
        node: Address,
        number: u64,
        lease: Address,
        answer: Result<(), Cause>,
        actions: &mut Vec<Action>,
    ) {
        let Some(running) = &mut self.orchestrator.running else { return };
        let waits = |proposed: &Proposed| proposed.sent && (proposed.node, proposed.lease) == (node, lease);
        if !running.extensions.get(&number).is_some_and(waits) {
            return;
        }
        let Some(Proposed { more, valid_until, .. }) = running.extensions.remove(&number) else { return };
        match answer {
            Ok(()) => {
                let transaction = Transaction::ExtendLease { lease };
                let origin = Origin::Orchestrator { run: self.orchestrator.run, transaction };
                self.launch(Instruction::ExtendLease { lease, more }, origin, valid_until, 0);
            }
            Err(cause) => {
                let failure = OpenFailure::Refused(cause);
                self.feed(Event::ExtensionFailed { lease, failure }, actions);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn an_answer_is_taken_for_what_it_answers_and_for_no_later_proposal() {
        let mut simulation = Simulation::new(Scenario::large(1, 2, 1, 60_000), false);
        simulation.orchestrator_chore(0, Chore::Start);
        let (node, other, lease, job) = (name::node(0), name::node(1), Address([7; 32]), Address([8; 32]));
        let proposed =
            Proposed { node, lease, job, more: Seconds(60), session: None, valid_until: BLOCKHASH_LIFE, sent: true };
        let running = simulation.orchestrator.running.as_mut().expect("it runs");
        running.extensions.insert(2, proposed);
        for (node, number, launched) in [(node, 1, 0), (other, 2, 0), (node, 2, 1), (node, 2, 1)] {
            simulation.extension_answered(node, number, lease, Ok(()), &mut Vec::new());
            assert_eq!(simulation.chain.flights.len(), launched, "{number} of {}", name::short(node));
        }
    }
}
