//! Whom room is made for, and when.

use millrace_protocol::{Address, PricePerGpuHour};

use super::{Preemption, reservation_holder};
use crate::market::{Candidate, Vacated};
use crate::state::job::Crank;
use crate::state::reservation::Reservation;
use crate::{Core, Now};

/// Milliseconds for which a job waits for a node that comes free by itself before anybody is given notice.
const PATIENCE: u64 = 20_000;
/// Jobs for which nodes are kept at a time: what a burst of jobs can end at once.
const MOST_RESERVED: usize = 16;
/// Lines that a round asks about; the others have their turn in the next ones.
const LINES: usize = 16;
/// Nodes that a round looks at, but for those of the last search that it began.
const NODES: usize = 8_192;
/// Jobs of a line that are asked about before it is left.
const JOBS_OF_LINE: usize = 4;

/// A node on which leases would end for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub chosen: Candidate,
    /// Leases that have notice already and that nobody else waits for.
    pub noticed: Vec<Address>,
    /// Leases that need one.
    pub victims: Vec<Address>,
}

impl Core {
    /// Looks for leases to end for jobs that have found no node, in their turn.
    pub(in crate::decide) fn make_room(&mut self, now: Now) {
        let Preemption { spot, since, .. } = &mut self.preemption;
        since.retain(|job, _| self.queue.contains(*job));
        if spot.is_empty() {
            return;
        }
        let (last, mut looks) = (self.preemption.last, NODES);
        for line in self.queue.lines_at_posted_price(last).take(LINES).collect::<Vec<_>>() {
            self.preemption.last = line;
            // Who asks what nodes would do it for ends nobody's work for it, and gangs have nodes kept for them.
            if self.demands.get(line).is_some_and(|demand| demand.auction || demand.together.is_some()) {
                continue;
            }
            while self.reservations.len() < MOST_RESERVED && looks > 0 {
                let mut found = None;
                for job in self.queue.next_in(line, JOBS_OF_LINE) {
                    looks = looks.saturating_sub(self.preemption.spot.len());
                    found = self.room_for(now, job).map(|room| (job, room));
                    if found.is_some() || looks == 0 {
                        break;
                    }
                }
                let Some((job, room)) = found else { break };
                self.reserve(now, job, room);
            }
        }
    }

    /// The room to be made for the job now.
    fn room_for(&mut self, now: Now, job: Address) -> Option<Room> {
        let Some(room) = self.find_room(now, job) else {
            self.preemption.since.remove(&job);
            return None;
        };
        let waited = now.millis.saturating_sub(*self.preemption.since.entry(job).or_insert(now.millis));
        let longer = PATIENCE.saturating_add(self.notice().0.saturating_mul(1_000));
        let patient = waited < PATIENCE || waited < longer && self.room_comes_by_itself(now, job);
        (room.victims.is_empty() || !patient).then_some(room)
    }

    /// Whether a node is about to be free for the job though nobody is given notice.
    fn room_comes_by_itself(&self, now: Now, job: Address) -> bool {
        let Some(entry) = self.jobs.get(&job) else { return false };
        let demand = self.demand(now, job, entry);
        let past = self.past(job);
        let request = past.request(entry, &demand);
        let live = self.open_leases.iter().filter_map(|lease| self.leases.get(&lease));
        let nodes = live.filter(|entry| entry.is_live() && self.is_leaving(now, entry)).map(|entry| entry.view.node);
        let comes_free = |node| {
            let vacated = Vacated { claims: self.leaving(now, node), account_is_late: false };
            matches!(self.market.without(now, &request, node, &vacated), Some(Ok(_)))
        };
        nodes.into_iter().any(comes_free)
    }

    fn reserve(&mut self, now: Now, job: Address, room: Room) {
        let node = room.chosen.node;
        let provider = self.market.node(node).map(|known| known.view.provider);
        let Some((entry, provider)) = self.jobs.get(&job).zip(provider) else { return };
        let price = PricePerGpuHour(room.chosen.score.price);
        let promise = self.promise(entry, (node, provider), price);
        if !room.victims.is_empty() {
            self.preemption.tried.insert((job, node));
        }
        let leaving = room.noticed.into_iter().chain(room.victims).map(|lease| (lease, Crank::default())).collect();
        let (units, bond) = (promise.units, promise.bond);
        self.reservations.insert(job, Reservation { chosen: room.chosen, provider, units, bond, leaving });
        self.preemption.since.remove(&job);
        self.queue.leave(job);
        self.set_claim(now, reservation_holder(job), self.reservation_claim(job));
        self.settle_holds();
        self.touch_job(job);
        self.give_notices(now, job);
    }
}
