use std::collections::HashMap;

use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::{Refusal, Sealed};
use millrace_protocol::Address;
use millrace_scheduler::Stage;
use tokio::sync::oneshot;

use super::Driver;

/// Bytes that may wait for a worker before it is sent no further envelope.
const UNREAD: usize = 4 * 1024 * 1024;

/// What became of something that a buyer has sealed for a lease's rig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The worker has opened it, and keeps it as long as the lease lives.
    Kept,
    Refused(Refusal),
    /// The job has no such lease that lives.
    NoSuchLease,
    /// The node's worker is not connected.
    Away,
    /// Another one is on its way to the lease, or the worker does not read what it is sent.
    UnderWay,
}

/// Who waits for a worker's word on what was brought to it, by node and lease.
#[derive(Default)]
pub(super) struct Handovers(HashMap<(Address, Address), oneshot::Sender<Taken>>);

impl Handovers {
    /// Whether somebody waits for what the worker says to an earlier one.
    fn is_waited_for(&self, node: Address, lease: Address) -> bool {
        self.0.get(&(node, lease)).is_some_and(|waiting| !waiting.is_closed())
    }

    fn expect(&mut self, node: Address, lease: Address, taken: oneshot::Sender<Taken>) {
        self.0.retain(|_, waiting| !waiting.is_closed());
        self.0.insert((node, lease), taken);
    }

    /// Only the node that was asked answers.
    pub fn answer(&mut self, node: Address, lease: Address, refusal: Option<Refusal>) {
        if let Some(waiting) = self.0.remove(&(node, lease)) {
            let _ = waiting.send(refusal.map_or(Taken::Kept, Taken::Refused));
        }
    }
}

impl Driver {
    /// Sends it to the lease's worker. Nothing of it is kept here, neither in memory nor on disk: a buyer who hears
    /// nothing brings it again.
    pub(super) fn hand_over(
        &mut self,
        (job, lease): (Address, Address),
        envelope: Vec<u8>,
        taken: oneshot::Sender<Taken>,
    ) {
        let entry = self.core.lease(lease).filter(|entry| entry.view.job == job && entry.stage != Stage::Over);
        let Some(node) = entry.map(|entry| entry.view.node) else {
            let _ = taken.send(Taken::NoSuchLease);
            return;
        };
        let Some(session) = self.sessions.get(&node) else {
            let _ = taken.send(Taken::Away);
            return;
        };
        // A buyer who does not wait for the answer must not fill the queue, nor have the worker cut off.
        if self.handovers.is_waited_for(node, lease) || session.outbound.waiting() > UNREAD {
            let _ = taken.send(Taken::UnderWay);
            return;
        }
        self.handovers.expect(node, lease, taken);
        self.tell(node, Body::Sealed(Sealed { lease: lease.0.to_vec(), envelope }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_node_that_was_asked_answers_and_only_once() {
        let (asked, other, lease) = (Address([1; 32]), Address([2; 32]), Address([3; 32]));
        let mut handovers = Handovers::default();
        let (taken, mut heard) = oneshot::channel();
        handovers.expect(asked, lease, taken);
        handovers.answer(other, lease, None);
        assert!(heard.try_recv().is_err());
        let refusal = Refusal { code: "envelope-forged".to_owned(), cause: "no".to_owned() };
        assert!(handovers.is_waited_for(asked, lease) && !handovers.is_waited_for(other, lease));
        handovers.answer(asked, lease, Some(refusal.clone()));
        assert_eq!(heard.try_recv(), Ok(Taken::Refused(refusal)));
        handovers.answer(asked, lease, None);
        assert!(handovers.0.is_empty());
        let (taken, heard) = oneshot::channel();
        handovers.expect(asked, lease, taken);
        drop(heard);
        assert!(!handovers.is_waited_for(asked, lease), "who went away may bring it again");
    }
}
