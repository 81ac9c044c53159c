use std::collections::BTreeSet;

use millrace_client::Update;
use millrace_link::grpc::Refusal;
use millrace_protocol::Address;
use millrace_scheduler::{Event, HeldLease};
use millrace_spec::{Runtime, Sha256};
use tokio::sync::{mpsc, oneshot};

use super::answers::Reply;
use super::bids::Told;
use super::sealed::Taken;
use super::specs::{Problem, Spec};
use super::{Driver, Session};
use crate::challenge::Heard;

/// What the driver takes in.
pub(crate) enum Input {
    Event(Event),
    /// Accounts as they were read, and what to tell the scheduler after them.
    Updates {
        updates: Vec<Update>,
        then: Option<Event>,
    },
    /// Everything that exists on chain has been told.
    Reconciled,
    Attached {
        session: Session,
        draining: bool,
        runtimes: BTreeSet<Runtime>,
        images: BTreeSet<String>,
        held: Vec<HeldLease>,
        reports: Vec<Event>,
    },
    Detached {
        node: Address,
        session: u64,
    },
    /// An event of a worker, dropped when a newer stream of the same node is up.
    FromWorker {
        node: Address,
        session: u64,
        event: Event,
    },
    OfferAnswered {
        node: Address,
        session: u64,
        lease: Address,
        reply: Reply,
    },
    /// A node's word on more time for its lease.
    ExtensionAnswered {
        node: Address,
        session: u64,
        lease: Address,
        reply: Reply,
    },
    /// A worker's word on a GPU challenge.
    ChallengeAnswered {
        node: Address,
        session: u64,
        number: u64,
        heard: Heard,
    },
    /// What a buyer has sealed for a lease's rig: goes to its worker and is not kept.
    Sealed {
        job: Address,
        lease: Address,
        envelope: Vec<u8>,
        taken: oneshot::Sender<Taken>,
    },
    SealedAnswered {
        node: Address,
        session: u64,
        lease: Address,
        refusal: Option<Refusal>,
    },
    /// How fast objects moved under a key, which need not be a node's.
    LinkMeasured {
        key: Address,
        kib_per_second: u32,
    },
    /// A worker's answer to an invitation to bid.
    BidHeard {
        node: Address,
        session: u64,
        job: Address,
        auction: u32,
        told: Told,
    },
    SpecRead {
        job: Address,
        hash: Sha256,
        result: Result<Box<Spec>, Problem>,
    },
    /// A question about the state, answered between two inputs.
    Ask(Box<dyn FnOnce(&Driver) + Send>),
}

/// The way into the driver. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inbox {
    sender: mpsc::Sender<Input>,
}

impl Inbox {
    pub fn new(capacity: usize) -> (Self, mpsc::Receiver<Input>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { sender }, receiver)
    }

    /// Inputs that wait to be taken.
    pub fn waiting(&self) -> usize {
        self.sender.max_capacity().saturating_sub(self.sender.capacity())
    }

    /// Waits for room. False when the driver has stopped.
    pub async fn send(&self, input: Input) -> bool {
        self.sender.send(input).await.is_ok()
    }

    /// For what comes again: lost when the driver is busy.
    pub fn send_if_there_is_room(&self, input: Input) {
        let _ = self.sender.try_send(input);
    }

    /// Asks about the state. None when the driver has stopped.
    pub async fn ask<T: Send + 'static>(&self, question: impl FnOnce(&Driver) -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let question = Box::new(move |driver: &Driver| {
            // Whoever asked may have gone away, before or meanwhile.
            if !answer.is_closed() {
                let _ = answer.send(question(driver));
            }
        });
        self.send(Input::Ask(question)).await;
        answered.await.ok()
    }
}
