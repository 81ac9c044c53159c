//! What orchestrator and rigs say to each other, in the words of their cores.

use millrace_agent::TaskKey;
use millrace_protocol::Address;
use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::voucher::Voucher;
use millrace_scheduler::{Cause, Event, HeldLease};

#[derive(Clone, Debug)]
pub enum ToRig {
    Offer { lease: Address, job: Address, offer: LeaseOffer },
    Assign { key: TaskKey, job: Address },
    Stop(TaskKey),
    Acknowledge(TaskKey),
    EndLease(Address),
    LeaseOver(Address),
    Voucher(Box<Voucher>),
}

#[derive(Clone, Debug)]
pub enum ToOrchestrator {
    /// The first word of a stream: what is held, and how each of its tasks stands.
    Resume {
        draining: bool,
        images: Vec<String>,
        held: Vec<HeldLease>,
        reports: Vec<Event>,
    },
    Said(Box<Event>),
    Answer {
        lease: Address,
        answer: Result<(), Cause>,
    },
}
