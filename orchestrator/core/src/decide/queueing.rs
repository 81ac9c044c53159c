use std::cmp::Reverse;

use millrace_protocol::Address;

use super::Scope;
use crate::market::Demand;
use crate::queue::Turn;
use crate::{Core, Now};

impl Core {
    /// Puts the job into the queue, or takes it out, by whether it may have a further lease.
    pub(super) fn enlist(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let Some(workload) = entry.workload().filter(|_| entry.working() && self.serves(job)) else {
            return self.delist(job);
        };
        let demand = self.demands.set(job, Demand::new(&entry.view.job.terms, workload));
        if !self.may_lease(now, job) {
            return self.queue.leave(job);
        }
        let turn = Turn {
            priority: Reverse(workload.placement.priority),
            opened_at: entry.view.opened_at,
            opened_slot: entry.view.opened_slot,
            job,
        };
        self.queue.enter(entry.view.buyer, demand, turn);
    }

    /// The job wants nothing of the market any more.
    pub(crate) fn delist(&mut self, job: Address) {
        self.queue.leave(job);
        self.demands.remove(job);
    }

    /// Whether a further lease is wanted, and nothing but a node is lacking.
    fn may_lease(&self, now: Now, job: Address) -> bool {
        let Some(entry) = self.jobs.get(&job) else { return false };
        let view = &entry.view.job;
        self.market.parameters().is_some()
            && entry.offer.is_none()
            && !entry.past_start_deadline(now.chain)
            && view.live_leases < view.terms.concurrent_leases
            && view.attempts_failed <= view.terms.retries
            && !self.awaits_an_end(job)
            && self.wants_lease(job, entry)
    }

    /// One scheduling round: as long as somebody's turn finds a node, one lease at a time, each to the job
    /// whose buyer holds least.
    pub(super) fn place_all(&mut self, now: Now, scope: &Scope) {
        self.market.advance(now);
        self.settle_holds();
        self.wake(now, scope);
        while let Some((id, job)) = self.queue.first() {
            let Some(demand) = self.demands.get(id).cloned() else { break };
            if self.place(now, job, &demand) {
                self.queue.leave(job);
                self.settle_holds();
            } else if self.fits_others(now, job, &demand) {
                self.queue.put_aside(job);
            } else {
                self.queue.sleep(id);
            }
        }
    }

    /// Wakes whom a node may fit that did not before; at every tick everybody, so that no chance is missed
    /// for longer than that.
    fn wake(&mut self, now: Now, scope: &Scope) {
        let improved = self.market.improvements();
        if *scope == Scope::All {
            return self.queue.wake_all();
        }
        if improved.is_empty() {
            return;
        }
        for id in self.queue.waiting() {
            let Some(demand) = self.demands.get(id) else { continue };
            if improved.iter().any(|slot| self.market.suits(now, *slot, demand)) {
                self.queue.wake(id);
            }
        }
    }
}
