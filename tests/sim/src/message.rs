//! What orchestrator and rigs say to each other, in the words of their cores.

use millrace_agent::TaskKey;
use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, Seconds};
use millrace_scheduler::{BidRefused, Cause, Event, HeldLease, Invitation};

#[derive(Clone, Debug)]
pub enum ToRig {
    /// The number stands for the transaction that the rig signs: no two proposals have the same.
    Offer {
        number: u64,
        lease: Address,
        job: Address,
        offer: LeaseOffer,
    },
    /// More time for a lease that it holds, numbered like an offer.
    Extend {
        number: u64,
        lease: Address,
        job: Address,
        more: Seconds,
    },
    /// To bid in an auction.
    Invite(Invitation),
    /// Its bid does not count: for the rig's owner, whom nothing here stands for.
    BidRefused(BidRefused),
    Assign {
        key: TaskKey,
        job: Address,
    },
    Stop(TaskKey),
    Acknowledge(TaskKey),
    EndLease(Address),
    /// And its result is counted.
    CountLease(Address),
    LeaseOver(Address),
    Notice {
        lease: Address,
        left: Seconds,
    },
    Voucher(Box<Voucher>),
    Challenge {
        number: u64,
        nonce: u64,
    },
    /// For the rig's owner, whom nothing here stands for.
    Refused {
        code: String,
    },
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
    /// Which GPUs it has.
    Announced {
        gpus: Vec<String>,
    },
    /// What it answers to a challenge; none where it has something better to do.
    Proved {
        number: u64,
        answer: Option<u64>,
    },
    Said(Box<Event>),
    /// To an offer, as it was made under this number.
    Answer {
        number: u64,
        lease: Address,
        answer: Result<(), Cause>,
    },
    /// To more time for a lease, as it was proposed under this number.
    ExtensionAnswer {
        number: u64,
        lease: Address,
        answer: Result<(), Cause>,
    },
}
