//! Who is next. Jobs that ask for the same wait in one line; each line takes turns by buyer, and of all
//! lines the one is served whose first buyer holds least.
//!
//! A buyer's share is what it holds now, in GPUs: the buyer with the least goes first, whatever the number
//! of its jobs (max-min fairness). That needs no history, so a restart changes nobody's turn. A line that
//! finds no node sleeps until a node could fit it: nothing is asked of the market for each job that waits.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::{Address, UnixSeconds};

use crate::demands::DemandId;

/// A job's place among its buyer's: by priority, then by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    pub priority: Reverse<u8>,
    pub opened_at: UnixSeconds,
    pub opened_slot: u64,
    pub job: Address,
}

/// A buyer at the head of a line: what it holds, its first job's turn, its address.
type Head = (u64, Turn, Address);

/// Jobs that wait for a lease.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    buyers: BTreeMap<Address, Buyer>,
    lines: BTreeMap<DemandId, Line>,
    /// The head of each line that is not asleep.
    awake: BTreeSet<(Head, DemandId)>,
    places: BTreeMap<Address, Place>,
}

#[derive(Clone, Debug, Default)]
struct Buyer {
    /// GPUs of its live leases and of offers to it.
    held: u64,
    lines: BTreeSet<DemandId>,
}

#[derive(Clone, Debug, Default)]
struct Line {
    /// By buyer, with what it is known to hold.
    jobs: BTreeMap<Address, (u64, BTreeSet<Turn>)>,
    heads: BTreeSet<Head>,
    asleep: bool,
    /// Jobs that something of their own keeps from the nodes that are there.
    aside: BTreeSet<Address>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    demand: DemandId,
    buyer: Address,
    turn: Turn,
    aside: bool,
}

impl Line {
    /// Changes a buyer's jobs in the line, and with them its head.
    fn among(&mut self, buyer: Address, change: impl FnOnce(&mut BTreeSet<Turn>) -> bool) {
        let Some((held, jobs)) = self.jobs.get_mut(&buyer) else { return };
        let before = jobs.first().copied();
        change(jobs);
        let after = jobs.first().copied();
        let held = *held;
        if after.is_none() {
            self.jobs.remove(&buyer);
        }
        self.move_head(before.map(|turn| (held, turn, buyer)), after.map(|turn| (held, turn, buyer)));
    }

    /// What the buyer holds now.
    fn hold(&mut self, buyer: Address, held: u64) {
        let Some((known, jobs)) = self.jobs.get_mut(&buyer) else { return };
        let before = std::mem::replace(known, held);
        let head = |held| jobs.first().map(|turn| (held, *turn, buyer));
        let (before, after) = (head(before), head(held));
        self.move_head(before, after);
    }

    fn move_head(&mut self, before: Option<Head>, after: Option<Head>) {
        if before != after {
            if let Some(head) = before {
                self.heads.remove(&head);
            }
            self.heads.extend(after);
        }
    }
}

impl Queue {
    /// The job waits, if it does not already. One that was put aside is back in its line.
    pub fn enter(&mut self, buyer: Address, demand: DemandId, turn: Turn) {
        let place = Place { demand, buyer, turn, aside: false };
        if self.places.get(&turn.job) == Some(&place) {
            return;
        }
        self.leave(turn.job);
        self.places.insert(turn.job, place);
        self.line_up(place);
    }

    /// The job waits no more.
    pub fn leave(&mut self, job: Address) {
        if let Some(place) = self.places.remove(&job) {
            self.step_out(place);
        }
    }

    /// The job whose turn it is, and what it asks for.
    pub fn first(&mut self) -> Option<(DemandId, Address)> {
        loop {
            let ((known, turn, buyer), demand) = self.awake.first().copied()?;
            let held = self.held(buyer);
            if known == held {
                return Some((demand, turn.job));
            }
            self.change(demand, |line| line.hold(buyer, held));
        }
    }

    /// No node fits the demand: nobody in its line is asked again before it is woken.
    pub fn sleep(&mut self, demand: DemandId) {
        self.change(demand, |line| line.asleep = true);
    }

    /// A node may fit the demand.
    pub fn wake(&mut self, demand: DemandId) {
        self.change(demand, |line| line.asleep = false);
        let aside = self.lines.get_mut(&demand).map(|line| std::mem::take(&mut line.aside));
        for job in aside.into_iter().flatten() {
            if let Some(place) = self.places.get_mut(&job) {
                place.aside = false;
                let place = *place;
                self.line_up(place);
            }
        }
    }

    pub fn wake_all(&mut self) {
        self.waiting().into_iter().for_each(|demand| self.wake(demand));
    }

    /// Nodes fit the demand, but not this job. Others in its line go on.
    pub fn put_aside(&mut self, job: Address) {
        let Some(place) = self.places.get(&job).copied().filter(|place| !place.aside) else { return };
        self.step_out(place);
        self.places.insert(job, Place { aside: true, ..place });
        self.lines.entry(place.demand).or_default().aside.insert(job);
    }

    /// Demands for which somebody sleeps or was put aside.
    pub fn waiting(&self) -> Vec<DemandId> {
        let waits = |line: &Line| line.asleep || !line.aside.is_empty();
        self.lines.iter().filter(|(_, line)| waits(line)).map(|(demand, _)| *demand).collect()
    }

    /// The buyer holds so many GPUs more, or less. Lines hear of more when the buyer comes up in them, and of
    /// less at once: what a line knows is never more than what the buyer holds.
    pub fn hold(&mut self, buyer: Address, units: i64) {
        let entry = self.buyers.entry(buyer).or_default();
        entry.held = entry.held.saturating_add_signed(units);
        if units < 0 {
            let held = entry.held;
            for demand in entry.lines.clone() {
                self.change(demand, |line| line.hold(buyer, held));
            }
        }
        self.forget(buyer);
    }

    /// GPUs that the buyer holds.
    pub fn held(&self, buyer: Address) -> u64 {
        self.buyers.get(&buyer).map_or(0, |buyer| buyer.held)
    }

    /// Jobs that wait.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn line_up(&mut self, Place { demand, buyer, turn, .. }: Place) {
        let entry = self.buyers.entry(buyer).or_default();
        entry.lines.insert(demand);
        let held = entry.held;
        self.lines.entry(demand).or_default();
        self.change(demand, |line| {
            line.jobs.entry(buyer).or_insert((held, BTreeSet::new()));
            line.among(buyer, |jobs| jobs.insert(turn));
        });
    }

    fn step_out(&mut self, Place { demand, buyer, turn, aside }: Place) {
        let mut was_last = false;
        self.change(demand, |line| {
            if aside {
                line.aside.remove(&turn.job);
                return;
            }
            line.among(buyer, |jobs| jobs.remove(&turn));
            was_last = !line.jobs.contains_key(&buyer);
        });
        if was_last && let Some(entry) = self.buyers.get_mut(&buyer) {
            entry.lines.remove(&demand);
        }
        if self.lines.get(&demand).is_some_and(|line| line.jobs.is_empty() && line.aside.is_empty()) {
            self.lines.remove(&demand);
        }
        self.forget(buyer);
    }

    /// Changes a line, and what is known of its head.
    fn change(&mut self, demand: DemandId, change: impl FnOnce(&mut Line)) {
        let Some(line) = self.lines.get_mut(&demand) else { return };
        let head = |line: &Line| line.heads.first().copied().filter(|_| !line.asleep);
        let before = head(line);
        change(line);
        let after = head(line);
        if before != after {
            if let Some(head) = before {
                self.awake.remove(&(head, demand));
            }
            self.awake.extend(after.map(|head| (head, demand)));
        }
    }

    fn forget(&mut self, buyer: Address) {
        if self.buyers.get(&buyer).is_some_and(|entry| entry.held == 0 && entry.lines.is_empty()) {
            self.buyers.remove(&buyer);
        }
    }
}

#[cfg(test)]
mod tests;
