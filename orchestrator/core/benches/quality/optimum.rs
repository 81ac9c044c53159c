//! The best that anybody could have done who knew everything beforehand: an exhaustive search over all schedules
//! that can be best, with what cannot lead to a better one left out.
//!
//! A schedule here gives every task one rig and one start, and neither stops nor moves what runs. It keeps the
//! market's rules: the GPUs of a rig, the models and the price that the buyer accepts, the leases that a job may
//! have at a time, and one lease of a job on a rig. The search takes tasks in the order of their starts, each as
//! soon as its rig and its job allow. Whatever is best can be had so: a start that is later than need be can be
//! moved forward, which makes nothing later and costs the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::shape::Shape;
use crate::world::Stint;

/// What is to be least. Ties are broken by the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The sum over jobs of the seconds from arrival to the last task's end; then cost.
    Completion,
    /// The second of the last end; then cost.
    Makespan,
    /// Cost, where the sum of [`Aim::Completion`] is at most this.
    Cost(u64),
}

/// Whether tasks that look the same may be told apart by how long they last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    Free,
    /// Tasks that look the same start in the order of these: by how long they last nobody can tell them apart
    /// before they have run.
    AsIn(Vec<Stint>),
}

/// A schedule without a better one, as the completed search shows.
#[derive(Clone, Debug)]
pub struct Optimum {
    pub stints: Vec<Stint>,
    /// States that were looked at.
    pub states: usize,
}

/// More states than these are not looked at.
const MOST_STATES: usize = 6_000_000;

struct Piece {
    order: usize,
    task: usize,
    release: u64,
    length: u64,
    gpus: u16,
    /// The rigs that serve it with what it costs there, the cheapest first.
    rigs: Vec<(usize, u64)>,
    /// Pieces that come before it.
    after: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Running {
    until: u64,
    rig: usize,
    order: usize,
    gpus: u16,
}

struct Search<'a> {
    shape: &'a Shape,
    aim: Aim,
    pieces: Vec<Piece>,
    best: Option<(u64, u64)>,
    stints: Vec<Stint>,
    found: Vec<Stint>,
    seen: BTreeMap<Vec<u64>, Vec<(u64, u64)>>,
    states: usize,
}

/// Completion times, the last end and cost of a schedule, by the money rules of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Value {
    pub completion: u64,
    pub makespan: u64,
    pub cost: u64,
}

fn cost(shape: &Shape, order: usize, task: usize, rig: usize) -> u64 {
    let order = &shape.orders[order];
    u64::from(order.gpus) * shape.rigs[rig].price * order.lengths[task] / 3_600
}

impl Value {
    pub fn of(shape: &Shape, stints: &[Stint]) -> Self {
        let ends = |number| stints.iter().filter(move |stint| stint.order == number).map(|stint| stint.until).max();
        let flows = shape.orders.iter().enumerate().map(|(number, order)| ends(number).unwrap_or(0) - order.arrival);
        Self {
            completion: flows.sum(),
            makespan: stints.iter().map(|stint| stint.until).max().unwrap_or(0),
            cost: stints.iter().map(|stint| cost(shape, stint.order, stint.task, stint.rig)).sum(),
        }
    }
}

/// None where more states than [`MOST_STATES`] would have to be looked at. `known` is any schedule that keeps
/// the rules: nothing worse is searched.
pub fn optimum(shape: &Shape, aim: Aim, order: &Order, known: &[Stint]) -> Option<Optimum> {
    let mut search = Search {
        shape,
        aim,
        pieces: pieces(shape, order),
        best: None,
        stints: Vec::new(),
        found: known.to_vec(),
        seen: BTreeMap::new(),
        states: 0,
    };
    let value = Value::of(shape, known);
    search.best = Some(search.rank(value.completion, value.makespan, value.cost));
    let complete = search.go(State::default());
    complete.then_some(Optimum { stints: search.found, states: search.states })
}

fn pieces(shape: &Shape, order: &Order) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (number, order) in shape.orders.iter().enumerate() {
        for (task, length) in order.lengths.iter().enumerate() {
            let fitting = (0..shape.rigs.len()).filter(|rig| shape.rigs[*rig].serves(order));
            let mut rigs: Vec<(usize, u64)> = fitting.map(|rig| (rig, cost(shape, number, task, rig))).collect();
            rigs.sort_by_key(|(rig, cost)| (*cost, *rig));
            let (release, length) = (order.arrival, *length);
            pieces.push(Piece { order: number, task, release, length, gpus: order.gpus, rigs, after: 0 });
        }
    }
    assert!(pieces.len() <= 32, "too many tasks for an exhaustive search");
    for at in 0..pieces.len() {
        pieces[at].after =
            (0..pieces.len()).filter(|other| goes_before(shape, order, &pieces, *other, at)).fold(0, bit);
    }
    pieces
}

fn bit(mask: u32, at: usize) -> u32 {
    mask | 1 << at
}

/// Whether the other piece may be taken for granted to start no later than this one.
fn goes_before(shape: &Shape, order: &Order, pieces: &[Piece], other: usize, this: usize) -> bool {
    let (first, second) = (&pieces[other], &pieces[this]);
    let (wants, like) = (&shape.orders[first.order], &shape.orders[second.order]);
    match order {
        // Without loss: the two are the same in all.
        Order::Free => other < this && first.order == second.order && first.length == second.length,
        Order::AsIn(stints) => {
            let look = |order: &crate::shape::Order| (order.gpu_classes, order.gpus, order.cap);
            let place = |piece: &Piece| {
                let of = |stint: &&Stint| (stint.order, stint.task) == (piece.order, piece.task);
                stints.iter().find(of).map(|stint| (stint.from, piece.order, piece.task))
            };
            look(wants) == look(like) && place(first) < place(second)
        }
    }
}

#[derive(Clone, Default)]
struct State {
    /// Pieces that have a place.
    placed: u32,
    /// Nothing starts before it any more.
    front: u64,
    running: Vec<Running>,
    makespan: u64,
    completion: u64,
    cost: u64,
}

impl Search<'_> {
    fn rank(&self, completion: u64, makespan: u64, cost: u64) -> (u64, u64) {
        match self.aim {
            Aim::Completion => (completion, cost),
            Aim::Makespan => (makespan, cost),
            Aim::Cost(_) => (cost, completion),
        }
    }

    fn waiting(&self, state: &State) -> impl Iterator<Item = usize> + use<> {
        let placed = state.placed;
        (0..self.pieces.len()).filter(move |at| placed >> at & 1 == 0)
    }

    /// When the piece can start on the rig, if nothing else is placed before.
    fn earliest(&self, state: &State, piece: &Piece, rig: usize) -> u64 {
        let order = &self.shape.orders[piece.order];
        let from = state.front.max(piece.release);
        let fits = |at: u64| {
            let there = || state.running.iter().filter(move |running| running.until > at);
            let taken: u16 = there().filter(|running| running.rig == rig).map(|running| running.gpus).sum();
            let own = || there().filter(|running| running.order == piece.order);
            self.shape.rigs[rig].gpus - taken >= piece.gpus
                && own().count() < usize::from(order.leases)
                && own().all(|running| running.rig != rig)
        };
        let ends = state.running.iter().map(|running| running.until).filter(|until| *until > from);
        let mut candidates: Vec<u64> = ends.chain([from]).collect();
        candidates.sort_unstable();
        candidates.into_iter().find(|at| fits(*at)).expect("a rig that serves it is free in the end")
    }

    /// The state, with its front moved to where the next piece can start at the earliest, and the least that its
    /// rank can come to.
    fn bound(&self, state: &mut State) -> (u64, u64) {
        let mut front = u64::MAX;
        let mut ends: BTreeMap<usize, u64> = BTreeMap::new();
        let (mut makespan, mut cost) = (state.makespan, state.cost);
        for at in self.waiting(state) {
            let piece = &self.pieces[at];
            let starts = piece.rigs.iter().map(|(rig, _)| self.earliest(state, piece, *rig));
            let start = starts.min().expect("a rig serves it");
            front = front.min(start);
            let end = ends.entry(piece.order).or_insert(0);
            *end = (*end).max(start + piece.length);
            makespan = makespan.max(start + piece.length);
            cost += piece.rigs[0].1;
        }
        if front < u64::MAX {
            state.front = front;
            state.running.retain(|running| running.until > front);
        }
        let rest = ends.iter().map(|(order, end)| end.saturating_sub(self.known_end(*order)));
        let completion = state.completion + rest.sum::<u64>();
        if let Aim::Cost(most) = self.aim
            && completion > most
        {
            return (u64::MAX, u64::MAX);
        }
        self.rank(completion, makespan, cost)
    }

    /// Up to when the completion of the order is counted by what is placed of it.
    fn known_end(&self, order: usize) -> u64 {
        let ends = self.stints.iter().filter(|stint| stint.order == order).map(|stint| stint.until);
        ends.max().unwrap_or(self.shape.orders[order].arrival)
    }

    /// Whether a state at least as good, that can go on in the same ways, was looked at before.
    fn is_known(&mut self, state: &State) -> bool {
        let unfinished: BTreeSet<usize> = self.waiting(state).map(|at| self.pieces[at].order).collect();
        let mut key = vec![u64::from(state.placed), state.front];
        let mut running: Vec<Running> = state.running.clone();
        for one in &mut running {
            if !unfinished.contains(&one.order) {
                one.order = usize::MAX;
            }
        }
        running.sort_unstable();
        for one in running {
            key.extend([one.until, one.rig as u64, one.order as u64, one.gpus.into()]);
        }
        // A job that is not all placed ends after the front, however early what is placed of it ended.
        let to_front = unfinished.iter().map(|order| state.front.saturating_sub(self.known_end(*order)));
        let completion = state.completion + to_front.sum::<u64>();
        let rank = self.rank(completion, state.makespan, state.cost);
        let known = self.seen.entry(key).or_default();
        let better = |one: &(u64, u64), other: &(u64, u64)| match self.aim {
            Aim::Completion => one <= other,
            Aim::Makespan | Aim::Cost(_) => one.0 <= other.0 && one.1 <= other.1,
        };
        if known.iter().any(|one| better(one, &rank)) {
            return true;
        }
        known.retain(|one| !better(&rank, one));
        known.push(rank);
        false
    }

    /// Whether all that follows from the state was looked at.
    fn go(&mut self, mut state: State) -> bool {
        self.states += 1;
        if self.states > MOST_STATES {
            return false;
        }
        let least = self.bound(&mut state);
        if self.best.is_some_and(|best| least >= best) {
            return true;
        }
        if state.placed.count_ones() as usize == self.pieces.len() {
            self.best = Some(least);
            self.found = self.stints.clone();
            return true;
        }
        if self.is_known(&state) {
            return true;
        }
        let free = |at: &usize| self.pieces[*at].after & !state.placed == 0;
        let mut ways: Vec<(u64, u64, usize, usize)> = Vec::new();
        for at in self.waiting(&state).filter(free) {
            let piece = &self.pieces[at];
            for (rig, cost) in &piece.rigs {
                let start = self.earliest(&state, piece, *rig);
                ways.push((start, *cost, at, *rig));
            }
        }
        ways.sort_unstable();
        // Where time is all, nothing starts after another job could have run to its end.
        let alone = |at: usize| self.shape.orders[self.pieces[at].order].lengths.len() == 1;
        let whole = ways.iter().filter(|(_, _, at, _)| alone(*at));
        let idle_until = whole.map(|(start, _, at, _)| start + self.pieces[*at].length).min();
        for (start, cost, at, rig) in ways {
            if self.aim == Aim::Completion && idle_until.is_some_and(|idle| start >= idle) {
                continue;
            }
            let piece = &self.pieces[at];
            let until = start + piece.length;
            let later = until.saturating_sub(self.known_end(piece.order));
            let (order, task, gpus) = (piece.order, piece.task, piece.gpus);
            let mut next = State {
                placed: bit(state.placed, at),
                front: start,
                running: state.running.clone(),
                makespan: state.makespan.max(until),
                completion: state.completion + later,
                cost: state.cost + cost,
            };
            next.running.retain(|running| running.until > start);
            next.running.push(Running { until, rig, order, gpus });
            self.stints.push(Stint { order, task, rig, from: start, until });
            let complete = self.go(next);
            self.stints.pop();
            if !complete {
                return false;
            }
        }
        true
    }
}
