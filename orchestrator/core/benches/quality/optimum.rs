//! The best that anybody could have done who knew everything beforehand: an exhaustive search over all schedules
//! that can be best, with what cannot lead to a better one left out.
//!
//! A schedule here gives every task one rig and one start, and neither stops nor moves what runs; a replica of a
//! service moves when its rig dies. It keeps the market's rules: the GPUs of a rig, the models and the price that
//! the buyer accepts, the leases that a job may have at a time, one lease of a job on a rig, a gang all at once and
//! in one region. The search places one after the other in the order of their starts, each as soon as its rigs and
//! its job allow. Whatever is best can be had so: a start that is later than need be can be moved forward, which
//! makes nothing later and costs the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::shape::{self, Kind, Shape};
use crate::value::{Value, cost};
use crate::world::Stint;

/// What is to be least; the other of [`Value::delay`] and [`Value::cost`] decides between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    Delay,
    /// The cost, where the delay is at most this. Not of services: the cheapest is none.
    Cost(u64),
}

/// What the best may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// Everything.
    All,
    /// Who is there, as anybody does who is asked when it happens: it leaves nothing idle for somebody who has yet to
    /// come, and starts tasks that look the same in the order of these, because how long they last cannot be seen
    /// before they have run. Where they run and what goes first of what looks different is still known to it.
    AsItComes(Vec<Stint>),
}

/// A schedule without a better one, as the completed search shows.
#[derive(Clone, Debug)]
pub struct Optimum {
    pub stints: Vec<Stint>,
}

/// More states than these are not looked at.
const MOST_STATES: usize = 150_000;

/// What is placed as one: a task, a replica or a gang.
struct Piece {
    order: usize,
    tasks: Vec<usize>,
    release: u64,
    length: u64,
    gpus: u16,
    /// Sets of rigs with what the whole piece costs there, the cheapest first.
    places: Vec<(Vec<usize>, u64)>,
    /// Pieces that are placed before it.
    after: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Running {
    until: u64,
    rig: usize,
    order: usize,
    gpus: u16,
}

#[derive(Clone, Default)]
struct State {
    /// Pieces that have a place to their end.
    placed: u32,
    /// Nothing starts before it any more.
    front: u64,
    running: Vec<Running>,
    /// Replicas whose rig dies, and when.
    moved: BTreeMap<usize, u64>,
    delay: u64,
    cost: u64,
}

struct Search<'a> {
    shape: &'a Shape,
    aim: Aim,
    /// Whether a rig may be kept idle while somebody could have it.
    waits: bool,
    pieces: Vec<Piece>,
    best: (u64, u64),
    stints: Vec<Stint>,
    found: Vec<Stint>,
    seen: BTreeMap<Vec<u64>, Vec<(u64, u64)>>,
    states: usize,
}

/// None where more states than [`MOST_STATES`] would have to be looked at. `known` is any schedule that keeps
/// the rules: nothing worse is searched.
pub fn optimum(shape: &Shape, aim: Aim, knowledge: &Knowledge, known: &[Stint]) -> Option<Optimum> {
    let services = shape.orders.iter().all(|order| order.kind == Kind::Service);
    assert!(services || shape.rigs.iter().all(|rig| rig.outages.is_empty()), "only replicas are moved from dead rigs");
    let value = Value::of(shape, known);
    let mut search = Search {
        shape,
        aim,
        pieces: pieces(shape, knowledge),
        waits: *knowledge == Knowledge::All,
        best: rank(aim, value.delay, value.cost),
        stints: Vec::new(),
        found: known.to_vec(),
        seen: BTreeMap::new(),
        states: 0,
    };
    search.go(State::default()).then_some(Optimum { stints: search.found })
}

fn rank(aim: Aim, delay: u64, cost: u64) -> (u64, u64) {
    match aim {
        Aim::Delay => (delay, cost),
        Aim::Cost(most) if delay > most => (u64::MAX, u64::MAX),
        Aim::Cost(_) => (cost, delay),
    }
}

fn pieces(shape: &Shape, knowledge: &Knowledge) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (number, order) in shape.orders.iter().enumerate() {
        let all: Vec<usize> = (0..order.lengths.len()).collect();
        let parts = match order.kind {
            Kind::Gang => vec![all],
            Kind::Tasks | Kind::Service => all.into_iter().map(|task| vec![task]).collect(),
        };
        for tasks in parts {
            let (release, length, gpus) = (order.arrival, order.lengths[tasks[0]], order.gpus);
            let of = |rigs: Vec<usize>| {
                let cost = rigs.iter().map(|rig| cost(shape, number, *rig, length)).sum();
                (rigs, cost)
            };
            let mut places: Vec<_> = sets(shape, order, tasks.len()).into_iter().map(of).collect();
            places.sort_by_key(|(rigs, cost)| (*cost, rigs.clone()));
            pieces.push(Piece { order: number, tasks, release, length, gpus, places, after: 0 });
        }
    }
    assert!(pieces.len() <= 32, "too many tasks for an exhaustive search");
    for at in 0..pieces.len() {
        let before = |other: &usize| goes_before(shape, knowledge, &pieces[*other], &pieces[at]);
        pieces[at].after = (0..pieces.len()).filter(before).fold(0, bit);
    }
    pieces
}

/// Every set of so many rigs in one region that serve the order.
pub fn sets(shape: &Shape, order: &shape::Order, size: usize) -> Vec<Vec<usize>> {
    let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..size {
        let grown = sets.iter().flat_map(|set| {
            let from = set.last().map_or(0, |last| last + 1);
            let fits = move |rig: &usize| {
                let here = &shape.rigs[*rig];
                here.serves(order) && set.iter().all(|other| shape.rigs[*other].region == here.region)
            };
            (from..shape.rigs.len()).filter(fits).map(move |rig| [set.as_slice(), &[rig]].concat())
        });
        sets = grown.collect();
    }
    sets
}

fn bit(mask: u32, at: usize) -> u32 {
    mask | 1 << at
}

/// Whether the first may be taken for granted to start no later than the second.
fn goes_before(shape: &Shape, knowledge: &Knowledge, first: &Piece, second: &Piece) -> bool {
    let place = |piece: &Piece| (piece.order, piece.tasks[0]);
    match knowledge {
        // Without loss: they are the same in all.
        Knowledge::All => {
            let same = first.order == second.order && first.length == second.length;
            same && shape.orders[first.order].kind == Kind::Tasks && place(first) < place(second)
        }
        Knowledge::AsItComes(stints) => {
            let look = |piece: &Piece| {
                let order = &shape.orders[piece.order];
                (order.kind, order.gpu_classes, order.gpus, order.cap, piece.tasks.len())
            };
            let start = |piece: &Piece| {
                let found = stints.iter().find(|stint| (stint.order, stint.task) == place(piece));
                found.map(|stint| (stint.from, place(piece)))
            };
            look(first) == look(second) && start(first) < start(second)
        }
    }
}

impl Search<'_> {
    fn waiting(&self, state: &State) -> impl Iterator<Item = usize> + use<> {
        let placed = state.placed;
        (0..self.pieces.len()).filter(move |at| placed >> at & 1 == 0)
    }

    fn is_service(&self, at: usize) -> bool {
        self.shape.orders[self.pieces[at].order].kind == Kind::Service
    }

    /// When a replica is to end, whatever happens.
    fn end(&self, at: usize) -> u64 {
        self.pieces[at].release + self.pieces[at].length
    }

    fn release(&self, state: &State, at: usize) -> u64 {
        state.moved.get(&at).copied().unwrap_or(self.pieces[at].release)
    }

    /// When the piece can start on the rigs, if nothing else is placed before.
    fn earliest(&self, state: &State, at: usize, rigs: &[usize]) -> u64 {
        let piece = &self.pieces[at];
        let from = state.front.max(self.release(state, at));
        let leases = usize::from(self.shape.orders[piece.order].leases);
        let fits = |second: u64| {
            let there = || state.running.iter().filter(move |running| running.until > second);
            let own = || there().filter(|running| running.order == piece.order);
            let free = |rig: &usize| {
                let taken: u16 = there().filter(|running| running.rig == *rig).map(|running| running.gpus).sum();
                let outages = &self.shape.rigs[*rig].outages;
                self.shape.rigs[*rig].gpus - taken >= piece.gpus
                    && own().all(|running| running.rig != *rig)
                    && outages.iter().all(|(from, until)| second < *from || second >= *until)
            };
            own().count() + rigs.len() <= leases && rigs.iter().all(free)
        };
        let ends = state.running.iter().map(|running| running.until);
        let returns = rigs.iter().flat_map(|rig| self.shape.rigs[*rig].outages.iter().map(|(_, until)| *until));
        let mut candidates: Vec<u64> = ends.chain(returns).filter(|second| *second > from).chain([from]).collect();
        candidates.sort_unstable();
        candidates.into_iter().find(|second| fits(*second)).expect("rigs that serve it are free in the end")
    }

    /// The state, with its front moved to where the next piece can start at the earliest, and the least that its
    /// rank can come to.
    fn bound(&self, state: &mut State) -> (u64, u64) {
        let mut front = u64::MAX;
        let mut ends: BTreeMap<usize, u64> = BTreeMap::new();
        let (mut delay, mut cost) = (state.delay, state.cost);
        for at in self.waiting(state) {
            let piece = &self.pieces[at];
            let start = piece.places.iter().map(|(rigs, _)| self.earliest(state, at, rigs)).min();
            let start = start.expect("rigs serve it");
            front = front.min(start);
            if self.is_service(at) {
                let (release, end) = (self.release(state, at), self.end(at));
                let start = start.min(end);
                delay += start - release;
                cost += self.least_cost(at, end - start);
            } else {
                let end = ends.entry(piece.order).or_insert(0);
                *end = (*end).max(start + piece.length);
                cost += piece.places[0].1;
            }
        }
        if front < u64::MAX {
            state.front = front;
            state.running.retain(|running| running.until > front);
        }
        delay += ends.iter().map(|(order, end)| end.saturating_sub(self.known_end(*order))).sum::<u64>();
        rank(self.aim, delay, cost)
    }

    /// What a replica costs at least for the time, rounding aside.
    fn least_cost(&self, at: usize, seconds: u64) -> u64 {
        let order = self.pieces[at].order;
        self.pieces[at].places.iter().map(|(rigs, _)| cost(self.shape, order, rigs[0], seconds)).min().unwrap_or(0)
    }

    /// Up to when the delay of the order is counted by what is placed of it.
    fn known_end(&self, order: usize) -> u64 {
        let ends = self.stints.iter().filter(|stint| stint.order == order).map(|stint| stint.until);
        ends.max().unwrap_or(self.shape.orders[order].arrival)
    }

    /// Whether a state at least as good, that can go on in the same ways, was looked at before.
    fn is_known(&mut self, state: &State) -> bool {
        let unfinished: BTreeSet<usize> = self.waiting(state).map(|at| self.pieces[at].order).collect();
        let mut key = vec![u64::from(state.placed), state.front];
        let mut running = state.running.clone();
        for one in running.iter_mut().filter(|one| !unfinished.contains(&one.order)) {
            one.order = usize::MAX;
        }
        running.sort_unstable();
        for one in running {
            key.extend([one.until, one.rig as u64, one.order as u64, one.gpus.into()]);
        }
        for (piece, second) in &state.moved {
            key.extend([*piece as u64, *second]);
        }
        // A job that is not all placed ends after the front, however early what is placed of it ended.
        let jobs = unfinished.iter().filter(|order| self.shape.orders[**order].kind != Kind::Service);
        let to_front = jobs.map(|order| state.front.saturating_sub(self.known_end(*order)));
        let delay = state.delay + to_front.sum::<u64>();
        let known = self.seen.entry(key).or_default();
        let better = |one: &(u64, u64), other: &(u64, u64)| match self.aim {
            Aim::Delay => one <= other,
            // What may still be spent of the time counts as well.
            Aim::Cost(_) => one.0 <= other.0 && one.1 <= other.1,
        };
        let this = (delay, state.cost);
        if known.iter().any(|one| better(one, &this)) {
            return true;
        }
        known.retain(|one| !better(&this, one));
        known.push(this);
        false
    }

    /// Whether all that follows from the state was looked at.
    fn go(&mut self, mut state: State) -> bool {
        self.states += 1;
        if self.states > MOST_STATES {
            return false;
        }
        let least = self.bound(&mut state);
        if least >= self.best {
            return true;
        }
        if state.placed.count_ones() as usize == self.pieces.len() {
            self.best = least;
            self.found = self.stints.clone();
            return true;
        }
        if self.is_known(&state) {
            return true;
        }
        let free = |at: &usize| self.pieces[*at].after & !state.placed == 0;
        let mut ways: Vec<(u64, u64, usize, usize)> = Vec::new();
        for at in self.waiting(&state).filter(free) {
            for (place, (rigs, cost)) in self.pieces[at].places.iter().enumerate() {
                ways.push((self.earliest(&state, at, rigs), *cost, at, place));
            }
        }
        ways.sort_unstable();
        // Where time is all, nothing starts after another job could have run to its end.
        let alone = |at: usize| match self.shape.orders[self.pieces[at].order].kind {
            Kind::Tasks => self.shape.orders[self.pieces[at].order].lengths.len() == 1,
            Kind::Gang => true,
            Kind::Service => false,
        };
        let whole = ways.iter().filter(|(_, _, at, _)| alone(*at));
        let idle_until = whole.map(|(start, _, at, _)| start + self.pieces[*at].length).min();
        let soonest = ways.first().map_or(0, |(start, ..)| *start);
        for (start, _, at, place) in ways {
            if !self.waits && start > soonest {
                break;
            }
            if self.aim == Aim::Delay && idle_until.is_some_and(|idle| start >= idle) {
                continue;
            }
            if !self.place(&state, at, place, start) {
                return false;
            }
        }
        true
    }

    /// Goes on from the state with one more piece placed.
    fn place(&mut self, state: &State, at: usize, place: usize, start: u64) -> bool {
        let piece = &self.pieces[at];
        let (order, rigs) = (piece.order, piece.places[place].0.clone());
        let mut next = state.clone();
        next.front = start;
        next.running.retain(|running| running.until > start);
        let until = if self.is_service(at) {
            let (release, end) = (self.release(state, at), self.end(at));
            let until = self.shape.rigs[rigs[0]].next_death(start).min(end).max(start.min(end));
            next.delay += start.min(end) - release;
            next.moved.remove(&at);
            if until < end {
                next.moved.insert(at, until);
            } else {
                next.placed = bit(next.placed, at);
            }
            until
        } else {
            let until = start + piece.length;
            next.placed = bit(next.placed, at);
            next.delay += until.saturating_sub(self.known_end(order));
            until
        };
        let before = self.stints.len();
        for (rig, task) in rigs.iter().zip(&piece.tasks).filter(|_| until > start) {
            next.cost += cost(self.shape, order, *rig, until - start);
            next.running.push(Running { until, rig: *rig, order, gpus: piece.gpus });
            self.stints.push(Stint { order, task: *task, rig: *rig, from: start, until });
        }
        let complete = self.go(next);
        self.stints.truncate(before);
        complete
    }
}
