use std::collections::BTreeMap;

use millrace_protocol::{Address, UnixSeconds};

use crate::bids::Bids;
use crate::{Assignment, Exit, Failure, Lease, LeasePhase, Outcome, Output, Record, Saved, TaskKey, Vote};

/// What a journal says about one task.
pub(super) struct TaskHistory {
    pub assignment: Assignment,
    pub started_at: Option<UnixSeconds>,
    pub exit: Option<Exit>,
    pub uploaded: Option<Vec<Output>>,
    pub failing: Option<Failure>,
    pub saved: Option<Saved>,
    pub outcome: Option<Outcome>,
    pub acknowledged: bool,
}

impl TaskHistory {
    pub fn is_unfinished(&self) -> bool {
        self.outcome.is_none()
    }

    /// Whether nothing was written down of how its container ends.
    pub fn has_no_end(&self) -> bool {
        self.is_unfinished() && self.exit.is_none() && self.uploaded.is_none() && self.failing.is_none()
    }
}

/// What a journal says.
#[derive(Default)]
pub(super) struct History {
    pub leases: BTreeMap<Address, Lease>,
    pub tasks: BTreeMap<TaskKey, TaskHistory>,
    pub bids: Bids,
    pub votes: BTreeMap<Address, Vote>,
    pub gpus: Vec<String>,
}

impl History {
    pub fn replay(records: &[Record]) -> Self {
        let mut history = Self::default();
        for record in records {
            history.apply(record.clone());
        }
        history
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::BidSigned { signed, made_at, lease } => self.bids.note(signed, made_at, lease),
            Record::GpusFound { uuids } => self.gpus = uuids,
            Record::LeaseAccepted { lease, terms } => {
                self.bids.take(terms.job, terms.price, lease);
                if self.leases.get(&lease).is_none_or(|known| known.phase == LeasePhase::Offered) {
                    self.leases.insert(lease, Lease::new(terms));
                }
            }
            Record::LeaseHeld { lease } => self.hold(lease),
            Record::LeaseExtended { lease, maximum, until } => {
                if let Some(lease) = self.leases.get_mut(&lease) {
                    lease.upkeep.awaited = Some((maximum, until));
                }
            }
            Record::TaskAssigned { assignment } => {
                self.hold(assignment.key.lease);
                let past = TaskHistory {
                    assignment,
                    started_at: None,
                    exit: None,
                    uploaded: None,
                    failing: None,
                    saved: None,
                    outcome: None,
                    acknowledged: false,
                };
                self.tasks.entry(past.assignment.key).or_insert(past);
            }
            Record::TaskStarted { key, at } => self.edit(key, |task| task.started_at = Some(at)),
            Record::TaskExited { key, exit } => self.edit(key, |task| task.exit = Some(exit)),
            Record::CheckpointSaved { key, saved } => self.edit(key, |task| task.saved = Some(saved)),
            Record::TaskUploaded { key, outputs } => self.edit(key, |task| task.uploaded = Some(outputs)),
            Record::TaskFailing { key, failure } => self.edit(key, |task| task.failing = Some(failure)),
            Record::TaskEnded { key, outcome } => self.edit(key, |task| task.outcome = Some(outcome)),
            Record::TaskAcknowledged { key } => self.edit(key, |task| task.acknowledged = true),
            Record::NoticeGiven { lease, notice } => {
                if let Some(lease) = self.leases.get_mut(&lease) {
                    lease.notice = Some(notice);
                }
            }
            Record::LeaseCounted { lease, salt } => {
                if let Some(lease) = self.leases.get_mut(&lease) {
                    lease.salt = Some(salt);
                }
            }
            Record::VotePrepared { lease, job, root, salt, at } => {
                self.votes.insert(lease, Vote::new(job, root, salt, at));
            }
            Record::VoteOver { lease } => {
                self.votes.remove(&lease);
            }
            Record::LeaseEnding { lease } => self.phase(lease, LeasePhase::Ending),
            Record::LeaseOver { lease } => self.phase(lease, LeasePhase::Over),
            Record::LeaseReported { lease, result_root } => self.phase(lease, LeasePhase::Reported { result_root }),
            Record::Voucher { voucher, signature } => {
                self.hold(voucher.lease);
                if let Some(lease) = self.leases.get_mut(&voucher.lease) {
                    lease.keep(voucher, signature);
                }
            }
            Record::LeaseClosed { lease } => {
                self.leases.remove(&lease);
                self.tasks.retain(|key, _| key.lease != lease);
            }
        }
    }

    fn edit(&mut self, key: TaskKey, change: impl FnOnce(&mut TaskHistory)) {
        if let Some(task) = self.tasks.get_mut(&key) {
            change(task);
        }
    }

    fn hold(&mut self, lease: Address) {
        if let Some(lease) = self.leases.get_mut(&lease).filter(|lease| lease.phase == LeasePhase::Offered) {
            lease.phase = LeasePhase::Held;
        }
    }

    fn phase(&mut self, lease: Address, phase: LeasePhase) {
        if let Some(lease) = self.leases.get_mut(&lease) {
            lease.phase = phase;
        }
    }
}
