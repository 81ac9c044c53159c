//! Who is next. Jobs that ask for the same wait in one line, and of all jobs the one is next whose buyer holds
//! least.
//!
//! A buyer's share is what it holds now, in GPUs: the buyer with the least goes first, whatever the number
//! of its jobs (max-min fairness). Of those who hold the same, whoever has held it for longest: a buyer whose lease
//! has ended comes after everybody who had nothing all the while, however old its jobs are and whatever it says
//! of them. Since when is not kept on disk, so a restart decides anew among those who hold the same. A line that
//! finds no node sleeps: nothing is asked of the market for each job that waits. A node that comes free asks
//! instead, among those who want its GPU class, for the first that it suits.

mod row;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::Address;
use millrace_protocol::gpu::GpuClass;

use crate::by_address::ByAddress;
use crate::demands::DemandId;
use crate::market::Errand;
use row::{Candidate, Row};

/// What decides among the jobs of a buyer: the priority, then the age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    pub priority: Reverse<u8>,
    pub opened_slot: u64,
}

/// A job's place among its buyer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    pub rank: Rank,
    pub job: Address,
}

impl Turn {
    /// Before any other.
    const FIRST: Self = Self { rank: Rank { priority: Reverse(u8::MAX), opened_slot: 0 }, job: Address([0; 32]) };

    /// After any other.
    const LAST: Self = Self { rank: Rank { priority: Reverse(0), opened_slot: u64::MAX }, job: Address([u8::MAX; 32]) };
}

/// What a buyer holds, and since when: the number of the change that led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Share {
    /// GPUs of its live leases and of offers to it.
    held: u64,
    since: u64,
}

/// A buyer's turn among others, and its address.
type Head = (Share, Address);

/// Jobs that wait for a lease.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    buyers: BTreeMap<Address, Buyer>,
    lines: BTreeMap<DemandId, Line>,
    /// Lines, not asleep, in which somebody waits.
    awake: BTreeSet<DemandId>,
    /// Lines with somebody aside.
    with_aside: BTreeSet<DemandId>,
    /// Every line by the GPU classes it accepts; under none where it accepts any.
    rows: BTreeMap<Option<GpuClass>, Row>,
    places: ByAddress<Place>,
    /// How often what a buyer holds has changed. A new buyer has come to hold nothing.
    changes: u64,
}

#[derive(Clone, Debug, Default)]
struct Buyer {
    share: Share,
    /// In how many lines of each row it waits.
    rows: BTreeMap<Option<GpuClass>, u32>,
}

#[derive(Clone, Debug)]
struct Line {
    errand: Errand,
    /// By buyer. One set: most buyers have a job or two in a line, and a set of its own has room for eleven.
    jobs: BTreeSet<(Address, Turn)>,
    asleep: bool,
    /// Jobs that something of their own keeps from the nodes that are there.
    aside: BTreeSet<Address>,
}

/// Where a job stands. Its name is what it is found by; its rank lies flat, which takes less room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    demand: DemandId,
    buyer: Address,
    priority: Reverse<u8>,
    opened_slot: u64,
    aside: bool,
}

impl Place {
    fn turn(&self, job: Address) -> Turn {
        Turn { rank: Rank { priority: self.priority, opened_slot: self.opened_slot }, job }
    }
}

impl Line {
    /// The buyer's first job.
    fn head(&self, buyer: Address) -> Option<Turn> {
        let (of, turn) = self.jobs.range((buyer, Turn::FIRST)..).next()?;
        (*of == buyer).then_some(*turn)
    }

    /// Each buyer's first job.
    fn heads(&self) -> impl Iterator<Item = (Address, Turn)> {
        let after = |(buyer, _): &(Address, Turn)| self.jobs.range((*buyer, Turn::LAST)..).next().copied();
        std::iter::successors(self.jobs.first().copied(), after)
    }
}

impl Queue {
    /// The job waits, if it does not already. One that was put aside is back in its line.
    pub fn enter(&mut self, buyer: Address, (demand, errand): (DemandId, Errand), turn: Turn) {
        let Turn { rank: Rank { priority, opened_slot }, job } = turn;
        let place = Place { demand, buyer, priority, opened_slot, aside: false };
        if self.places.get(&job) == Some(&place) {
            return;
        }
        self.leave(job);
        let new = Line { errand, jobs: BTreeSet::new(), asleep: false, aside: BTreeSet::new() };
        self.lines.entry(demand).or_insert(new);
        self.places.insert(job, place);
        self.line_up(job, place);
    }

    /// The job waits no more.
    pub fn leave(&mut self, job: Address) {
        if let Some(place) = self.places.remove(&job) {
            self.step_out(job, place);
        }
    }

    /// The job whose turn it is among those that are awake, and what it asks for.
    pub fn first(&self) -> Option<(DemandId, Address)> {
        let lines = self.awake.iter().filter_map(|demand| Some((*demand, self.lines.get(demand)?)));
        let heads = lines.flat_map(|(demand, line)| {
            line.heads().map(move |(buyer, turn)| ((self.share(buyer), buyer, turn.rank), demand, turn.job))
        });
        heads.min().map(|(_, demand, job)| (demand, job))
    }

    /// Lines for leases at the posted price, those after `last` first.
    pub fn lines_at_posted_price(&self, last: DemandId) -> impl Iterator<Item = DemandId> {
        let (before, after) = (self.lines.range(..=last), self.lines.range(last.saturating_add(1)..));
        after.chain(before).filter(|(_, line)| !line.errand.is_spot()).map(|(demand, _)| *demand)
    }

    /// Jobs of the line in their turn: each buyer's first, then those that were put aside; at most so many.
    pub fn next_in(&self, demand: DemandId, most: usize) -> Vec<Address> {
        let Some(line) = self.lines.get(&demand) else { return Vec::new() };
        let heads = line.heads().map(|(buyer, turn)| ((self.share(buyer), buyer), turn.job));
        let mut heads: Vec<(Head, Address)> = heads.collect();
        heads.sort_unstable();
        heads.into_iter().map(|(_, job)| job).chain(line.aside.iter().copied()).take(most).collect()
    }

    /// The job whose turn it is, awake or not, among those that a node of the class suits. `meets` is asked
    /// for each line first, `suits` then only for lines that come up.
    pub fn first_for(
        &mut self,
        class: GpuClass,
        meets: impl Fn(&Errand) -> bool,
        mut suits: impl FnMut(DemandId) -> bool,
    ) -> Option<(DemandId, Address)> {
        let mut best: Option<Candidate> = None;
        for class in [None, Some(class)] {
            let Some(row) = self.rows.get_mut(&class) else { continue };
            let share = |buyer| self.buyers.get(&buyer).map_or_else(Share::default, |buyer| buyer.share);
            let found = row.first(best, share, &meets, &mut suits);
            best = found.or(best);
        }
        let ((_, buyer), _, demand) = best?;
        Some((demand, self.lines.get(&demand)?.head(buyer)?.job))
    }

    /// No node fits the demand: nobody in its line asks again before one does.
    pub fn sleep(&mut self, demand: DemandId) {
        if let Some(line) = self.lines.get_mut(&demand) {
            line.asleep = true;
            self.awake.remove(&demand);
        }
    }

    /// Lines with jobs that were put aside, and what they ask for.
    pub fn with_aside(&self) -> impl Iterator<Item = (DemandId, &Errand)> {
        self.with_aside.iter().filter_map(|demand| Some((*demand, &self.lines.get(demand)?.errand)))
    }

    /// Puts those that were put aside back into their line.
    pub fn recall(&mut self, demand: DemandId) {
        self.with_aside.remove(&demand);
        let aside = self.lines.get_mut(&demand).map(|line| std::mem::take(&mut line.aside));
        for job in aside.into_iter().flatten() {
            if let Some(place) = self.places.get_mut(&job) {
                place.aside = false;
                let place = *place;
                self.line_up(job, place);
            }
        }
    }

    /// Nodes fit the demand, but not this job. Others in its line go on, or wake up: a node that comes free may
    /// have asked this one while all slept.
    pub fn put_aside(&mut self, job: Address) {
        let Some(place) = self.places.get(&job).copied().filter(|place| !place.aside) else { return };
        self.places.insert(job, Place { aside: true, ..place });
        if let Some(line) = self.lines.get_mut(&place.demand) {
            line.aside.insert(job);
            self.with_aside.insert(place.demand);
            line.asleep = false;
            self.awake.insert(place.demand);
        }
        self.step_out(job, place);
    }

    /// The buyer holds so many GPUs more, or less. Rows hear of more when the buyer comes up in them, and of
    /// less at once: what a row knows is never more than what the buyer holds.
    pub fn hold(&mut self, buyer: Address, units: i64) {
        self.changes += 1;
        let entry = self.buyers.entry(buyer).or_default();
        entry.share = Share { held: entry.share.held.saturating_add_signed(units), since: self.changes };
        if units < 0 {
            for class in entry.rows.keys() {
                if let Some(row) = self.rows.get_mut(class) {
                    row.hold(buyer, entry.share);
                }
            }
        }
        self.forget(buyer);
    }

    /// Whether the job waits, aside or not.
    pub fn contains(&self, job: Address) -> bool {
        self.places.contains_key(&job)
    }

    /// Jobs that wait, aside or not.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// GPUs that the buyer holds.
    #[cfg(test)]
    pub fn held(&self, buyer: Address) -> u64 {
        self.share(buyer).held
    }

    fn share(&self, buyer: Address) -> Share {
        self.buyers.get(&buyer).map_or_else(Share::default, |buyer| buyer.share)
    }

    #[cfg(test)]
    pub fn asleep(&self) -> impl Iterator<Item = DemandId> {
        self.lines.iter().filter(|(_, line)| line.asleep).map(|(demand, _)| *demand)
    }

    fn line_up(&mut self, job: Address, place: Place) {
        let (demand, buyer, turn) = (place.demand, place.buyer, place.turn(job));
        let Some(line) = self.lines.get_mut(&demand) else { return };
        let before = line.head(buyer);
        line.jobs.insert((buyer, turn));
        let after = line.head(buyer);
        if !line.asleep {
            self.awake.insert(demand);
        }
        self.move_head(demand, buyer, before, after);
    }

    fn step_out(&mut self, job: Address, place: Place) {
        let (demand, buyer, turn) = (place.demand, place.buyer, place.turn(job));
        let Some(line) = self.lines.get_mut(&demand) else { return };
        if place.aside {
            line.aside.remove(&job);
            if line.aside.is_empty() {
                self.with_aside.remove(&demand);
            }
        } else {
            let before = line.head(buyer);
            line.jobs.remove(&(buyer, turn));
            let after = line.head(buyer);
            self.move_head(demand, buyer, before, after);
        }
        let Some(line) = self.lines.get(&demand) else { return };
        if line.jobs.is_empty() {
            self.awake.remove(&demand);
            if line.aside.is_empty() {
                self.lines.remove(&demand);
            }
        }
        self.forget(buyer);
    }

    /// The buyer's first job in the line is another one.
    fn move_head(&mut self, demand: DemandId, buyer: Address, before: Option<Turn>, after: Option<Turn>) {
        let Some(line) = self.lines.get(&demand).filter(|_| before != after) else { return };
        let rank = |turn: Turn| turn.rank;
        let changes = &mut self.changes;
        let entry = self.buyers.entry(buyer).or_insert_with(|| {
            *changes += 1;
            Buyer { share: Share { held: 0, since: *changes }, rows: BTreeMap::new() }
        });
        for class in line.errand.classes() {
            let row = self.rows.entry(class).or_default();
            row.move_head((demand, line.errand), (buyer, entry.share), before.map(rank), after.map(rank));
            if row.is_empty() {
                self.rows.remove(&class);
            }
            let lines = entry.rows.entry(class).or_default();
            *lines += u32::from(after.is_some());
            *lines -= u32::from(before.is_some());
            if *lines == 0 {
                entry.rows.remove(&class);
            }
        }
    }

    fn forget(&mut self, buyer: Address) {
        if self.buyers.get(&buyer).is_some_and(|entry| entry.share.held == 0 && entry.rows.is_empty()) {
            self.buyers.remove(&buyer);
        }
    }
}

#[cfg(test)]
mod tests;
