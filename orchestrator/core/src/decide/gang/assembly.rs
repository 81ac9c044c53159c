use std::collections::{BTreeSet, VecDeque};

use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Address, UnixSeconds};
use millrace_spec::sha256;

use crate::agenda::Due;
use crate::backoff::Backoff;
use crate::decide::placement::Search;
use crate::market::{Claim, Demand};
use crate::state::gang::{Assembly, Seat};
use crate::state::job::Decision;
use crate::state::lease::LeaseEntry;
use crate::{Core, Now, Offer};

/// Before another set of nodes is tried.
const PAUSE: Backoff = Backoff { first: 5_000, longest: 120_000 };

impl Core {
    /// Takes a node for every member of the gang and offers the first lease, where there are enough. Where there are
    /// not, whoever asks for the same sleeps until there may be.
    pub(in crate::decide) fn place_gang(&mut self, now: Now, job: Address, demand: &Demand) -> Search {
        let mut tight = BTreeSet::new();
        let planned = self.plan_gang(now, job, demand, &mut tight).and_then(Result::ok);
        let shortfall = match planned {
            Some(_) => None,
            None => self.shortfall(now, job, demand, &mut tight),
        };
        tight.into_iter().for_each(|slot| self.market.mark_tight(slot));
        let start_timeout = self.market.parameters().map_or(0, |known| known.start_timeout.0);
        let Some(entry) = self.jobs.get_mut(&job) else { return Search::Refused };
        let Some((set, maximum)) = planned else {
            let Some((line, shortfall)) = entry.demand.zip(shortfall) else { return Search::Refused };
            self.queue.sleep(line);
            self.gangs.lacking.insert(line, shortfall);
            return Search::Asleep;
        };
        let gang = entry.gang.get_or_insert_default();
        gang.waits_since = None;
        let until = now.millis.saturating_add(start_timeout.saturating_mul(1_000) / 2);
        gang.assembly = Some(Assembly { seats: VecDeque::from(set.seats), runners_up: set.runners_up, maximum, until });
        for (holder, claim) in self.seat_claims(job) {
            self.set_claim(now, holder, Some(claim));
        }
        self.offer_next(now, job);
        Search::Placed
    }

    /// One more member, when the one before has its lease; all of them at once let go when that fails.
    pub(super) fn assemble(&mut self, now: Now, job: Address, leases: &[Address]) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let Some(assembly) = entry.gang.as_ref().and_then(|gang| gang.assembly.as_ref()) else { return };
        let (size, missing) = (entry.tasks.len(), assembly.seats.len());
        let offered = usize::from(entry.offer.is_some());
        let there = leases.iter().filter(|lease| self.leases.get(lease).is_some_and(|lease| !lease.silenced)).count();
        let is_late = match leases.first().and_then(|first| self.leases.get(first)) {
            Some(first) => now.chain >= together_by(first),
            None => now.millis >= assembly.until,
        };
        if is_late || there + offered + missing < size {
            return self.disband(now, job);
        }
        if offered > 0 || self.awaits_an_end(job) {
            return;
        }
        if missing > 0 {
            return self.offer_next(now, job);
        }
        let peers: Vec<Address> = leases.iter().filter_map(|lease| Some(self.leases.get(lease)?.view.node)).collect();
        if !peers.iter().all(|node| self.is_live(now, *node)) {
            return;
        }
        if let Some(gang) = self.jobs.get_mut(&job).and_then(|entry| entry.gang.as_mut()) {
            gang.assembly = None;
            gang.failures = 0;
        }
        for (lease, rank) in leases.iter().zip(0u32..) {
            self.assign(job, *lease, rank, peers.clone());
        }
    }

    fn offer_next(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let number = entry.view.job.leases_opened;
        let Some(assembly) = entry.gang.as_mut().and_then(|gang| gang.assembly.as_mut()) else { return };
        let (maximum, seat) = (assembly.maximum, assembly.seats.pop_front());
        let Some(seat) = seat else { return };
        let runners_up = assembly.runners_up.clone();
        self.set_claim(now, seat_holder(job, &seat), None);
        let terms = LeaseOffer { price: seat.price, negotiated: false, maximum };
        let provider = self.jobs.get(&job).and_then(|entry| self.dry_run(now, entry, seat.chosen, terms));
        let Some(provider) = provider else { return self.disband(now, job) };
        let (offer, node) = (self.next_offer, seat.chosen.node);
        let offer =
            Offer { offer, job, node, provider, number, price: seat.price, maximum, bid_book: None, joins: None };
        self.send_offer(now, offer, Decision { number, chosen: seat.chosen, runners_up });
    }

    /// Lets go of every node and lease: another set is tried later, and the tasks begin anew.
    pub(super) fn disband(&mut self, now: Now, job: Address) {
        self.drop_assembly(now, job);
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let gang = entry.gang.get_or_insert_default();
        gang.again_at = now.millis.saturating_add(PAUSE.after(gang.failures));
        gang.failures = gang.failures.saturating_add(1);
        // Its turn may have come in a round that is about others.
        let millis = gang.again_at;
        self.bring_forward(job, Due { millis, ..Due::NEVER });
        for lease in self.members(job) {
            self.begin_end(now, lease, ExitClass::Released);
        }
    }

    /// Gives back the nodes that are kept for members without a lease.
    pub(crate) fn drop_assembly(&mut self, now: Now, job: Address) {
        self.drop_hold(now, job);
        let gang = self.jobs.get_mut(&job).and_then(|entry| entry.gang.as_mut());
        let Some(assembly) = gang.and_then(|gang| gang.assembly.take()) else { return };
        for seat in &assembly.seats {
            self.set_claim(now, seat_holder(job, seat), None);
        }
    }

    /// What a gang that comes together keeps of the market beside its offer and its leases.
    pub(crate) fn seat_claims(&self, job: Address) -> Vec<(Address, Claim)> {
        let Some(entry) = self.jobs.get(&job) else { return Vec::new() };
        let gang = entry.gang.as_ref();
        let hold = gang.and_then(|gang| gang.hold.as_ref()).into_iter().flat_map(|hold| &hold.seats);
        let assembly = gang.and_then(|gang| gang.assembly.as_ref());
        let claim = |seat: &Seat| self.promise(entry, (seat.chosen.node, seat.provider), seat.price);
        let seats = assembly.into_iter().flat_map(|known| &known.seats).chain(hold);
        seats.map(|seat| (seat_holder(job, seat), claim(seat))).collect()
    }
}

/// When all members must have their leases, if this is the first one's: it must be at work before its start timeout,
/// and a quarter of that is for the image.
pub(in crate::decide) fn together_by(first: &LeaseEntry) -> UnixSeconds {
    let lease = &first.view.lease;
    lease.start_by.saturating_minus(UnixSeconds(lease.start_timeout.0 / 4))
}

/// Under what name the market keeps a seat: neither a lease nor a job has it.
pub(super) fn seat_holder(job: Address, seat: &Seat) -> Address {
    Address(sha256(&[b"millrace gang seat".as_slice(), &job.0, &seat.chosen.node.0].concat()).0)
}
