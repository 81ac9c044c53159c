use std::collections::BTreeSet;

use millrace_protocol::Address;
use millrace_spec::Sha256;

use crate::event::{HeldLease, HeldTask};
use crate::market::Held;
use crate::state::lease::Stage;
use crate::state::task::{TaskPhase, TaskState};
use crate::{Action, Core, Notice, Now};

impl Core {
    pub(crate) fn on_worker_connected(
        &mut self,
        now: Now,
        node: Address,
        session: u64,
        images: &BTreeSet<String>,
        held: &[HeldLease],
    ) {
        self.market.set_images(now, node, images.iter().map(String::as_str));
        self.market.connect(now, node, session);
        for lease in held {
            self.resume_lease(now, node, lease);
        }
        let holds = |lease: Address| held.iter().find(|held| held.lease == lease);
        for lease in self.open_leases.of_node(node).collect::<Vec<_>>() {
            let held_tasks = holds(lease).map(|held| held.tasks.as_slice()).unwrap_or_default();
            self.requeue_unless_held(lease, held_tasks);
            if holds(lease).is_none() && matches!(self.leases[&lease].stage, Stage::Ending { .. }) {
                // It knows nothing of the lease, so no report will come.
                self.finalize(now, lease);
            }
        }
    }

    pub(crate) fn on_heartbeat(&mut self, now: Now, node: Address, leases: &[Address]) {
        if self.worker(node).is_none() {
            return;
        }
        self.market.hear(now, node);
        for lease in leases {
            let Some(entry) = self.leases.get_mut(lease).filter(|entry| entry.view.node == node) else {
                self.disown(node, *lease);
                continue;
            };
            let unknown_end = entry.stage == Stage::Reported && entry.final_voucher().is_none();
            if entry.stage == Stage::Over || unknown_end {
                self.push(Action::LeaseOver { node, lease: *lease });
                continue;
            }
            self.hear_lease(now, *lease);
            self.answer_with_voucher(now, *lease);
            self.tell_notice(now, *lease);
            self.schedule_after_heartbeat(now, *lease);
        }
    }

    /// A single measure may come from a busy moment: each counts for a quarter of what is believed.
    pub(crate) fn on_link_measured(&mut self, now: Now, node: Address, kib_per_second: u32) {
        if self.market.node(node).is_none() {
            return;
        }
        let believed =
            self.market.link(node).map_or(kib_per_second, |earlier| earlier - earlier / 4 + kib_per_second / 4);
        self.market.set_link(now, node, believed);
    }

    pub(crate) fn on_image_found(&mut self, node: Address, lease: Address, digest: Sha256) {
        let Some(entry) = self.leases.get_mut(&lease).filter(|entry| entry.view.node == node) else { return };
        if entry.image.replace(digest) != Some(digest) {
            self.touch_lease(lease);
        }
    }

    pub(crate) fn on_lease_report(&mut self, now: Now, node: Address, lease: Address, reported: Sha256) {
        self.hear_worker(now, node);
        let Some(entry) = self.leases.get(&lease).filter(|entry| entry.view.node == node) else { return };
        if !matches!(entry.stage, Stage::Ending { .. }) {
            return;
        }
        let own = self.counted_root(lease);
        // Replicas have no results, whatever they leave behind.
        let has_results = !self.is_service(lease);
        if has_results && own != reported {
            self.push(Action::Notice(Notice::ResultRootDiffers { lease, reported, own }));
        }
        self.finalize_if_reported(now, lease);
    }

    fn is_service(&self, lease: Address) -> bool {
        let job = self.leases.get(&lease).and_then(|entry| self.jobs.get(&entry.view.job));
        job.is_some_and(|job| job.is_service())
    }

    pub(crate) fn hear_worker(&mut self, now: Now, node: Address) {
        self.market.hear(now, node);
    }

    /// The worker holds the lease: its time runs on, and it is not silent any more.
    pub(crate) fn hear_lease(&mut self, now: Now, lease: Address) {
        let patience = self.settings.patience();
        if let Some(entry) = self.leases.get_mut(&lease) {
            entry.silenced = false;
            let silent_since = entry.silent_since.take();
            if entry.stage == Stage::Working {
                let silence = silent_since.map_or(0, |since| now.millis.saturating_sub(since));
                entry.meter.down = entry.meter.down.saturating_add(silence);
                entry.meter.hear(now.millis, patience);
            }
        }
        self.give_back(lease);
    }

    /// A worker that was silent, on a stream that outlived it, still works on what was taken from it: it goes
    /// on with what nobody else has, and stops the rest.
    fn give_back(&mut self, lease: Address) {
        let Some(entry) = self.leases.get_mut(&lease) else { return };
        let (node, taken) = (entry.view.node, std::mem::take(&mut entry.taken));
        for task in taken {
            if !self.readopt(lease, task) {
                self.push(Action::StopTask { node, lease, task: task.task, attempt: task.attempt });
            }
        }
    }

    /// The worker speaks of a lease that is not its own any more, or never was. One that nobody here has heard of
    /// may be an offer that has just landed, which the worker saw on chain first: the next word of it tells.
    fn disown(&mut self, node: Address, lease: Address) {
        let is_offered = || self.market.claims().any(|(_, claim)| claim.held == Held::Offer && claim.node == node);
        if self.leases.contains_key(&lease) || !is_offered() {
            self.push(Action::LeaseOver { node, lease });
        }
    }

    fn resume_lease(&mut self, now: Now, node: Address, held: &HeldLease) {
        let lease = held.lease;
        let Some(entry) = self.leases.get(&lease).filter(|entry| entry.view.node == node && entry.on_chain()) else {
            return self.disown(node, lease);
        };
        let (stage, voucher) = (entry.stage, entry.voucher);
        if let Some(entry) = self.leases.get_mut(&lease) {
            // It says itself what it holds.
            entry.taken.clear();
        }
        self.hear_lease(now, lease);
        for task in &held.tasks {
            if !self.readopt(lease, *task) {
                self.push(Action::StopTask { node, lease, task: task.task, attempt: task.attempt });
            }
        }
        self.tell_notice(now, lease);
        match (stage, voucher) {
            (Stage::Ending { .. }, _) => self.order_end(lease),
            (Stage::Final | Stage::Reported, Some(voucher)) => self.push(Action::IssueVoucher { node, voucher }),
            (Stage::Reported, None) => self.push(Action::LeaseOver { node, lease }),
            _ => {}
        }
    }

    /// Whether the worker may go on with a task it holds: it is still its own, or it was taken
    /// away and nobody else has it yet.
    fn readopt(&mut self, lease: Address, held: HeldTask) -> bool {
        if self.is_current_check(lease, held.task, held.attempt) {
            return self.readopt_check(lease, held.task);
        }
        let busy = self.is_busy(lease);
        let Some(entry) = self.leases.get(&lease) else { return false };
        let (job, working) = (entry.view.job, entry.stage == Stage::Working);
        let Some(entry) = self.jobs.get(&job) else { return false };
        let wanted = working && entry.outcome.is_none();
        let Some(task) = self.tasks_of(lease).and_then(|tasks| tasks.get(held.task)) else { return false };
        if !wanted || task.attempt != held.attempt || task.lease != Some(lease) {
            return false;
        }
        match task.state {
            TaskState::Active { lease: holder, .. } => holder == lease,
            TaskState::Pending if !busy => {
                let state = TaskState::Active { lease, phase: TaskPhase::Assigned };
                self.change_task(lease, held.task, |task| task.state = state);
                self.touch_task_of(lease, held.task);
                true
            }
            TaskState::Pending | TaskState::Done { .. } | TaskState::Failed => false,
        }
    }

    /// A worker that holds only an earlier attempt never heard of the last one.
    fn requeue_unless_held(&mut self, lease: Address, held: &[HeldTask]) {
        let Some(tasks) = self.tasks_of(lease) else { return };
        let (number, attempt) = match (self.active_task(lease), self.checked_task(lease)) {
            (Some(number), _) => (number, tasks.get(number).map(|task| task.attempt)),
            (None, Some(number)) => {
                let check = tasks.get(number).and_then(|task| task.check.as_ref());
                (number, check.map(|check| check.attempt))
            }
            (None, None) => return,
        };
        if !held.iter().any(|held| held.task == number && Some(held.attempt) == attempt) {
            self.requeue_tasks(lease);
        }
    }

    pub(crate) fn notice_silence(&mut self, node: Address, lease: Address) {
        self.push(Action::Notice(Notice::WorkerSilent { node, lease }));
    }
}
