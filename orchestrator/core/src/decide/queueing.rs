use std::cmp::Reverse;
use std::collections::BTreeSet;

use millrace_protocol::Address;

use super::Scope;
use super::placement::Search;
use crate::demands::DemandId;
use crate::market::{Constraint, Errand};
use crate::queue::{Rank, Turn};
use crate::state::shortfall::Shortfall;
use crate::{Core, Now};

impl Core {
    /// Puts the job into the queue, or takes it out, by whether it may have a further lease.
    pub(super) fn enlist(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if !entry.story().resting.is_empty() {
            // Who has nothing to avoid is looked for with all others who ask the same.
            entry.story_mut().resting.retain(|_, until| now.millis < *until);
        }
        let Some(entry) = self.jobs.get(&job) else { return };
        let Some(workload) = entry.workload().filter(|_| entry.working() && self.serves(job)) else {
            return self.delist(job);
        };
        let demand = self.demand(now, job, entry);
        let errand = Errand::of(&demand);
        let priority = Reverse(workload.placement.priority);
        let turn = Turn { rank: Rank { priority, opened_slot: entry.view.opened_slot }, job };
        let (before, buyer) = (entry.demand, entry.view.buyer);
        let id = self.demands.change(before, demand);
        before.filter(|before| *before != id).into_iter().for_each(|before| self.forget_line(before));
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.demand = Some(id);
        }
        if !self.may_lease(now, job) {
            return self.queue.leave(job);
        }
        self.queue.enter(buyer, (id, errand), turn);
        self.await_nodes(now, job);
    }

    /// The job wants nothing of the market any more.
    pub(crate) fn delist(&mut self, job: Address) {
        self.queue.leave(job);
        if let Some(id) = self.jobs.get_mut(&job).and_then(|entry| entry.demand.take()) {
            self.demands.remove(id);
            self.forget_line(id);
        }
    }

    /// Nothing is known of what nobody asks for any more.
    fn forget_line(&mut self, id: DemandId) {
        if self.demands.get(id).is_none() {
            self.gangs.lacking.remove(&id);
        }
    }

    /// Whether a further lease is wanted, and nothing but a node is lacking. Whoever has one kept waits for that.
    fn may_lease(&self, now: Now, job: Address) -> bool {
        let offered = self.jobs.get(&job).is_some_and(|entry| entry.offer.is_some());
        !offered
            && !self.reservations.contains_key(&job)
            && !self.awaits_an_end(job)
            && !self.awaits_bids(now, job)
            && self.wants_further_lease(now, job)
    }

    /// Whether the job asks for a further lease, as soon as what is under way of it is known to have ended.
    pub(super) fn wants_further_lease(&self, now: Now, job: Address) -> bool {
        let Some(entry) = self.jobs.get(&job) else { return false };
        let view = &entry.view.job;
        self.market.parameters().is_some()
            && !entry.past_start_deadline(now.chain)
            && view.live_leases < view.terms.concurrent_leases
            && view.attempts_failed <= view.terms.retries
            && self.wants_lease(now, job, entry)
            && self.may_assemble(now, job, entry)
            && self.is_next(entry)
    }

    /// One scheduling round. Each node with more to offer than before goes to whoever is first of all that it
    /// suits; then whoever is awake looks for a node among the rest. One lease at a time, each to the job whose
    /// buyer holds least.
    pub(super) fn place_all(&mut self, now: Now, scope: &Scope) {
        self.market.advance(now);
        self.settle_holds();
        self.tend_reservations(now, scope);
        self.hold_for_gangs(now, scope);
        let improved = self.market.improvements();
        self.recall(now, scope, &improved);
        improved.into_iter().for_each(|slot| self.fill(now, slot));
        while let Some((id, job)) = self.queue.first() {
            let Some(demand) = self.demands.get(id).cloned() else { break };
            match self.place(now, job, &demand) {
                Search::Placed => self.placed(job),
                Search::Refused => self.queue.put_aside(job),
                Search::Nothing if self.fits_others(now, job, &demand) => self.queue.put_aside(job),
                Search::Nothing => self.queue.sleep(id),
                Search::Asleep => {}
            }
        }
        if scope.is_round() {
            self.make_room(now);
        }
    }

    /// Gives leases on the node to those it suits, in their turn.
    fn fill(&mut self, now: Now, slot: u32) {
        let mut in_vain = BTreeSet::new();
        while let Some(room) = self.market.room(slot) {
            let (market, demands, lacking) = (&self.market, &self.demands, &mut self.gangs.lacking);
            let mut is_tight = false;
            let suits = |id| {
                let obstacle = demands.get(id).map(|demand| market.obstacle_to(now, slot, demand));
                is_tight |= obstacle == Some(Some(Constraint::StakeTooSmall));
                let enough = |known: &mut Shortfall| known.count(slot, room.regions);
                obstacle == Some(None) && !in_vain.contains(&id) && lacking.get_mut(&id).is_none_or(enough)
            };
            let found = self.queue.first_for(room.class, |errand| room.meets(errand), suits);
            if is_tight {
                self.market.mark_tight(slot);
            }
            let Some((id, job)) = found else { return };
            let Some(demand) = self.demands.get(id).cloned() else { return };
            match self.place(now, job, &demand) {
                Search::Placed => self.placed(job),
                Search::Refused | Search::Nothing => self.queue.put_aside(job),
                Search::Asleep => {
                    in_vain.insert(id);
                }
            }
        }
    }

    pub(super) fn placed(&mut self, job: Address) {
        self.queue.leave(job);
        self.settle_holds();
    }

    /// Whoever was put aside tries again where a node has more to offer. What time or an event of its own changes for
    /// one of them, its own agenda says: it is back in its line by then.
    fn recall(&mut self, now: Now, scope: &Scope, improved: &BTreeSet<u32>) {
        if improved.is_empty() && *scope != Scope::All {
            return;
        }
        let mut tight = BTreeSet::new();
        let mut suits = |id, errand: &Errand| {
            improved.iter().any(|slot| {
                let room = self.market.room(*slot);
                let meets = room.is_some_and(|room| room.accepts(errand) && room.meets(errand));
                let Some(demand) = meets.then(|| self.demands.get(id)).flatten() else { return false };
                let obstacle = self.market.obstacle_to(now, *slot, demand);
                tight.extend(Some(*slot).filter(|_| obstacle == Some(Constraint::StakeTooSmall)));
                obstacle.is_none()
            })
        };
        let aside = self.queue.with_aside();
        let recalled: Vec<DemandId> =
            aside.filter(|(id, errand)| *scope == Scope::All || suits(*id, errand)).map(|(id, _)| id).collect();
        tight.into_iter().for_each(|slot| self.market.mark_tight(slot));
        recalled.into_iter().for_each(|id| self.queue.recall(id));
    }
}
