use crate::Now;
use crate::agenda::Due;
use crate::auction::Auction;
use crate::core::{Core, Settings};
use crate::record::{JobRecord, LeaseRecord, MemberTaskRecord, ProofRecord, Record, TaskRecord};
use crate::state::auctions::Auctions;
use crate::state::job::{JobEntry, SpecStatus};
use crate::state::lease::{LeaseEntry, Stage};
use crate::state::proof::{Proof, Shown};
use crate::state::story::Story;
use crate::state::tasks::Tasks;

impl Core {
    /// The scheduler as it was when the records were written, in any order of records. The chain's
    /// accounts and the workers' own word follow as ordinary events; until its worker speaks,
    /// every lease gets the usual patience, counted from `now`.
    pub fn restore(settings: Settings, now: Now, records: impl IntoIterator<Item = Record>) -> Self {
        let mut core = Self::new(settings);
        let (mut tasks, mut own_tasks, mut auctions) = (Vec::new(), Vec::new(), Vec::new());
        for record in records {
            match record {
                Record::Job(record) => core.restore_job(now, *record),
                Record::Lease(record) => core.restore_lease(now, *record),
                Record::Task(record) => tasks.push(*record),
                Record::MemberTask(record) => own_tasks.push(*record),
                Record::Proof(record) => core.restore_proof(*record),
                Record::Auction(auction) => auctions.push(*auction),
            }
        }
        for TaskRecord { job, opened_slot, number, task } in tasks {
            if let Some(entry) = core.jobs.get_mut(&job).filter(|entry| entry.view.opened_slot == opened_slot) {
                entry.tasks.change(number, |slot| *slot = task);
            }
        }
        own_tasks.into_iter().for_each(|record| core.restore_own_task(record));
        auctions.into_iter().for_each(|auction| core.restore_auction(now, auction));
        core.requeue_orphans();
        let unbooked = core.leases.values().filter(|entry| !entry.on_chain() && entry.is_unbooked());
        let jobs = unbooked.map(|entry| entry.view.job).filter(|job| core.open_jobs.contains(job));
        core.unbooked = jobs.map(|job| (job, now.millis)).collect();
        core
    }

    fn restore_job(&mut self, now: Now, record: JobRecord) {
        let mut entry = JobEntry::new(record.view);
        let count = match &record.spec {
            SpecStatus::Known(asked) => asked.tasks(),
            SpecStatus::Wanted { .. } | SpecStatus::Unusable(_) => 0,
        };
        entry.tasks = Tasks::new(count);
        entry.spec = match record.spec {
            SpecStatus::Wanted { cause, .. } => SpecStatus::Wanted { again_at: 0, cause },
            SpecStatus::Known(asked) => SpecStatus::Known(asked.shared(&mut self.workloads)),
            SpecStatus::Unusable(cause) => SpecStatus::Unusable(cause),
        };
        entry.on_chain = record.on_chain;
        entry.outcome = record.outcome;
        let story = Story {
            failed_nodes: record.failed_nodes,
            image_failures: record.image_failures,
            last_failure: record.last_failure,
            closed_by: record.closed_by,
            closed_at: record.closed_at,
            earlier: record.earlier,
            restarts: record.restarts,
            findings: record.findings,
            ..Story::default()
        };
        entry.story = (&story != Story::NONE).then(|| story.into());
        self.jobs.insert(record.job, entry.into());
        self.keep(now, record.job);
        if self.jobs[&record.job].on_chain {
            self.open_jobs.insert(record.job);
            self.note_naming(record.job);
            if let Some(reservation) = record.reserved {
                // Its worker gets the usual patience, like those that hold a lease.
                self.market.expect(now, reservation.chosen.node);
                self.reservations.insert(record.job, reservation);
            }
            self.bring_forward(record.job, Due { millis: 0, ..Due::NEVER });
        }
    }

    fn restore_lease(&mut self, now: Now, record: LeaseRecord) {
        let mut entry = LeaseEntry::new(record.lease, record.view);
        entry.stage = match record.stage {
            Stage::Ending { class, .. } => Stage::Ending { class, since: now.millis },
            stage => stage,
        };
        entry.meter = record.meter;
        entry.voucher = record.voucher;
        entry.settlements = record.settlements;
        entry.silenced = record.silenced;
        entry.handed_out_at = record.handed_out_at;
        entry.image = record.image;
        if entry.on_chain() {
            self.open_leases.insert(record.lease, record.view.job, record.view.node);
            self.stale_claims.insert(record.lease);
            self.market.expect(now, record.view.node);
        }
        entry.round = record.round;
        self.insert_lease(record.lease, entry);
    }

    fn restore_own_task(&mut self, MemberTaskRecord { lease, number, task }: MemberTaskRecord) {
        let Some(entry) = self.leases.get_mut(&lease) else { return };
        let Some(job) = self.jobs.get(&entry.view.job) else { return };
        let count = u32::try_from(job.tasks.len()).unwrap_or(u32::MAX);
        let tasks = entry.own_tasks.get_or_insert_with(|| Tasks::new(count).into());
        tasks.change(number, |slot| *slot = task);
    }

    /// One of an earlier job under the same id is nobody's.
    fn restore_auction(&mut self, now: Now, auction: Auction) {
        let (job, opened_slot) = (auction.book.job, auction.book.opened_slot);
        if self.jobs.get(&job).is_some_and(|entry| entry.view.opened_slot == opened_slot) {
            // Who has bid gets the usual patience, like those that hold a lease.
            if now.millis / 1_000 <= auction.book.valid_until.0 {
                auction.book.bids.iter().for_each(|entered| self.market.expect(now, entered.node));
            }
            let known = self.auctions.entry(job).or_insert_with(|| Auctions { opened_slot, ..Auctions::default() });
            known.held.insert(auction.book.auction, auction);
        }
    }

    fn restore_proof(&mut self, record: ProofRecord) {
        if record.is_empty() {
            return;
        }
        let node = record.node;
        let proof = Proof::from_record(record);
        let gpus = proof.shown.iter().flat_map(Shown::gpus).map(|gpu| (gpu.to_owned(), node));
        self.gpu_holders.extend(gpus);
        self.market.set_refused(node, proof.refused.is_some());
        self.proofs.insert(node, proof);
    }

    /// A task whose lease is unknown or over is nobody's.
    fn requeue_orphans(&mut self) {
        for entry in self.jobs.values_mut() {
            let orphaned = entry.tasks.at_work().filter(|lease| !self.open_leases.contains(*lease));
            let tasks: Vec<u32> = orphaned.flat_map(|lease| entry.tasks.active(lease)).collect();
            for number in tasks {
                entry.tasks.change(number, |task| task.state = crate::TaskState::Pending);
            }
            let orphaned = entry.tasks.checkers().filter(|(lease, _)| !self.open_leases.contains(*lease));
            for (_, number) in orphaned.collect::<Vec<_>>() {
                entry.tasks.change_check(number, |check| check.state = crate::CheckState::Waiting);
            }
        }
    }
}
