//! A chain under the simulation's control: slots, transactions on their way into one, and forks that take
//! back the slots that are not confirmed yet. Whoever reads sees confirmed slots only.

use std::collections::{BTreeMap, VecDeque};

use millrace_protocol::{Address, UnixSeconds};
use millrace_scheduler::Transaction;

use crate::draw::Draw;
use crate::ledger::{Failure, Instruction, Ledger};

pub const SLOT_MILLIS: u64 = 400;
/// For how many slots a signed transaction can land.
pub const BLOCKHASH_LIFE: u64 = 150;
/// Slots that a fork may take back.
pub const DEPTH: usize = 3;

/// Who waits for a transaction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Origin {
    /// One run of the orchestrator.
    Orchestrator {
        run: u64,
        transaction: Transaction,
    },
    /// One run of a rig's worker.
    Rig {
        rig: usize,
        run: u64,
        lease: Address,
    },
    Outside,
}

/// A signed transaction whose sender waits for its fate.
#[derive(Clone, Debug)]
pub struct Flight {
    pub instruction: Instruction,
    pub origin: Origin,
    pub valid_until: u64,
    /// How often the work may still be signed anew.
    pub signings: u32,
    /// When the sender stops asking, in milliseconds.
    pub gives_up_at: u64,
}

struct Slot {
    number: u64,
    clock: UnixSeconds,
    /// With the last slot each can land in.
    transactions: Vec<(u64, u64, Instruction)>,
}

/// What a confirmed transaction came to.
pub struct Confirmed {
    pub flight: u64,
    pub instruction: Instruction,
    pub result: Result<Vec<Address>, Failure>,
}

pub struct Chain {
    pub confirmed: Ledger,
    pub confirmed_slot: u64,
    pub clock: UnixSeconds,
    head: Ledger,
    unconfirmed: VecDeque<Slot>,
    pub slot: u64,
    waiting: Vec<(u64, u64, Instruction)>,
    pub flights: BTreeMap<u64, Flight>,
    next_flight: u64,
    pub forks: u64,
}

impl Chain {
    pub fn new(ledger: Ledger, clock: UnixSeconds) -> Self {
        Self {
            head: ledger.clone(),
            confirmed: ledger,
            confirmed_slot: 0,
            clock,
            unconfirmed: VecDeque::new(),
            slot: 1,
            waiting: Vec::new(),
            flights: BTreeMap::new(),
            next_flight: 1,
            forks: 0,
        }
    }

    pub fn launch(&mut self, flight: Flight) -> u64 {
        let id = self.next_flight;
        self.next_flight += 1;
        self.flights.insert(id, flight);
        id
    }

    /// Whether the transaction is in, or waits for the next slot.
    pub fn knows(&self, id: u64) -> bool {
        self.head.landed.contains(&id) || self.waiting.iter().any(|(waiting, ..)| *waiting == id)
    }

    /// A transaction arrives. False where it is refused, for it is known already.
    pub fn arrive(&mut self, id: u64, valid_until: u64, instruction: Instruction) -> bool {
        let is_new = !self.knows(id);
        if is_new {
            self.waiting.push((id, valid_until, instruction));
        }
        is_new
    }

    /// Whether the transaction can still come to be confirmed.
    pub fn may_land(&self, id: u64, valid_until: u64) -> bool {
        self.confirmed_slot <= valid_until || self.head.landed.contains(&id)
    }

    /// Makes a slot of what has arrived, in an order of its own, and returns what this confirms.
    pub fn produce(&mut self, clock: UnixSeconds, draw: &mut Draw) -> Vec<Confirmed> {
        self.slot += 1;
        self.clock = self.clock.max(clock);
        let mut transactions = Vec::new();
        let mut waiting = std::mem::take(&mut self.waiting);
        while !waiting.is_empty() {
            let (id, valid_until, instruction) = waiting.swap_remove(draw.below(waiting.len()));
            if self.slot <= valid_until && self.head.landed.insert(id) {
                let _ = self.head.apply(self.slot, self.clock, &instruction);
                transactions.push((id, valid_until, instruction));
            }
        }
        self.unconfirmed.push_back(Slot { number: self.slot, clock: self.clock, transactions });
        if self.unconfirmed.len() <= DEPTH { Vec::new() } else { self.confirm() }
    }

    fn confirm(&mut self) -> Vec<Confirmed> {
        let Some(slot) = self.unconfirmed.pop_front() else { return Vec::new() };
        self.confirmed_slot = slot.number;
        let busy = !slot.transactions.is_empty();
        let confirmed = slot.transactions.into_iter().map(|(flight, _, instruction)| {
            self.confirmed.landed.insert(flight);
            let result = self.confirmed.apply(slot.number, slot.clock, &instruction);
            Confirmed { flight, instruction, result }
        });
        let confirmed = confirmed.collect();
        if busy {
            self.confirmed.check();
        }
        confirmed
    }

    /// Takes the last slots back. Some of what was in them comes again by itself, the rest only where its
    /// sender sends it again. Returns how many transactions were.
    pub fn fork(&mut self, slots: usize, draw: &mut Draw) -> u64 {
        let keep = self.unconfirmed.len().saturating_sub(slots);
        let dropped: Vec<Slot> = self.unconfirmed.drain(keep..).collect();
        if dropped.is_empty() {
            return 0;
        }
        self.forks += 1;
        let mut taken_back = 0;
        self.head = self.confirmed.clone();
        for slot in &self.unconfirmed {
            for (id, _, instruction) in &slot.transactions {
                self.head.landed.insert(*id);
                let _ = self.head.apply(slot.number, slot.clock, instruction);
            }
        }
        for (id, valid_until, instruction) in dropped.into_iter().flat_map(|slot| slot.transactions) {
            taken_back += 1;
            if draw.permille(500) {
                self.waiting.push((id, valid_until, instruction));
            }
        }
        taken_back
    }
}
