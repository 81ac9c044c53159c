mod on_assigned;
mod on_bid_signed;
mod on_challenge;
mod on_gpu_fault;
mod on_gpus_found;
mod on_lease;
mod on_notice;
mod on_stop;
mod on_tick;
mod on_unsealed;
mod result_root;

use std::collections::BTreeMap;

use millrace_protocol::{Address, GpuUnits, UnixSeconds};

pub use on_challenge::ChallengeRefusal;

use crate::bids::Bids;
use crate::{Action, Event, GpuFault, Lease, OwnBid, Record, Task, TaskKey, Vote};

/// A rig's leases and tasks. Feed it every [`Event`]; do every [`Action`], in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    pub(crate) leases: BTreeMap<Address, Lease>,
    pub(crate) tasks: BTreeMap<TaskKey, Task>,
    pub(crate) bids: Bids,
    /// By lease, which may be closed already.
    pub(crate) votes: BTreeMap<Address, Vote>,
    /// UUIDs of the rig's GPUs, by position.
    pub(crate) gpus: Vec<String>,
    /// GPUs that are out of order. Not kept on disk: a restarted worker looks for itself.
    pub(crate) faulty: BTreeMap<u16, GpuFault>,
    /// Not kept on disk: whoever asked is gone with the worker.
    pub(crate) challenge: Option<on_challenge::Challenge>,
}

impl Agent {
    /// Every lease, by address.
    pub fn leases(&self) -> impl Iterator<Item = (Address, &Lease)> {
        self.leases.iter().map(|(address, lease)| (*address, lease))
    }

    /// Leases that occupy units, by address.
    pub fn live_leases(&self) -> impl Iterator<Item = (Address, &Lease)> {
        self.leases.iter().filter(|(_, lease)| lease.is_live()).map(|(address, lease)| (*address, lease))
    }

    /// Every lease, also those that only wait for their final voucher.
    pub fn lease(&self, address: &Address) -> Option<&Lease> {
        self.leases.get(address)
    }

    /// What the rig has bid in auctions, the oldest first; some hundreds are remembered.
    pub fn bids(&self) -> impl Iterator<Item = &OwnBid> {
        self.bids.iter()
    }

    pub fn task(&self, key: TaskKey) -> Option<&Task> {
        self.tasks.get(&key)
    }

    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// Tasks of one lease that have not ended.
    pub fn unfinished(&self, lease: Address) -> impl Iterator<Item = &Task> {
        self.tasks.values().filter(move |task| task.key().lease == lease && task.outcome().is_none())
    }

    /// Whether the rig can say that the lease's containers run: its time is paid for by that word.
    pub fn vouches_for(&self, lease: Address) -> bool {
        !self.unfinished(lease).any(Task::is_out_of_sight)
    }

    /// Units that live leases occupy.
    pub fn leased(&self) -> GpuUnits {
        GpuUnits(self.live_leases().fold(0, |sum, (_, lease)| sum.saturating_add(lease.terms.units.0)))
    }

    /// What the event asks for. Nothing in here can fail: an event that does not fit is ignored,
    /// or answered with a report.
    pub fn on_event(&mut self, event: Event, now: UnixSeconds) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::OfferAccepted { lease, terms } => self.on_offer_accepted(lease, terms, &mut actions),
            Event::ExtensionAgreed { lease, maximum } => {
                self.on_extension_agreed(lease, maximum, now, &mut actions);
            }
            Event::BidSigned(signed) => self.on_bid_signed(signed, now, &mut actions),
            Event::TaskAssigned(assignment) => self.on_assigned(assignment, now, &mut actions),
            Event::Unsealed(lease) => self.on_unsealed(lease, now, &mut actions),
            Event::StopTask { key, reason } => self.on_stop(key, reason, now, &mut actions),
            Event::TaskAcknowledged(key) => self.on_acknowledged(key, &mut actions),
            Event::EndLease(lease) => self.on_end_lease(lease, now, &mut actions),
            Event::CountLease { lease, salt } => self.on_count_lease(lease, salt, now, &mut actions),
            Event::RoundRead { lease, round, clock } => {
                self.on_round_read(lease, round.as_deref(), clock, &mut actions);
            }
            Event::NoticeGiven { lease, left } => self.on_notice(lease, left, now, &mut actions),
            Event::LeaseOver(lease) => self.on_disowned(lease, now, &mut actions),
            Event::Voucher { voucher, signature } => self.on_voucher(voucher, signature, now, &mut actions),
            Event::Connected => {
                // Who asked before hears no answer any more.
                self.give_up_challenge(ChallengeRefusal::UnderWay, &mut actions);
                self.on_connected(&mut actions);
            }
            Event::ChallengeAsked { number, until } => self.on_challenge_asked(number, until, &mut actions),
            Event::ChallengeEnded(number) => self.on_challenge_ended(number),
            Event::GpusFound(uuids) => self.on_gpus_found(uuids, &mut actions),
            Event::GpuFault { gpu, fault } => self.on_gpu_fault(gpu, fault, now, &mut actions),
            Event::LeaseRead { lease, account, clock } => {
                self.on_lease_read(lease, account, clock, now, &mut actions);
            }
            Event::Tick => self.on_tick(now, &mut actions),
            Event::Task { key, event } => {
                if let Some(task) = self.tasks.get_mut(&key) {
                    task.on_event(event, now, &mut actions);
                    self.on_progress(key, now, &mut actions);
                }
            }
        }
        actions
    }

    /// The journal that says all of this and nothing else: what compaction writes.
    pub fn snapshot(&self) -> Vec<Record> {
        crate::recover::snapshot(self)
    }
}
