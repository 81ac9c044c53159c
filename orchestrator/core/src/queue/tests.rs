use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::market::Demand;

fn turn(job: u8, age: u64) -> Turn {
    Turn { rank: Rank { priority: Reverse(0), opened_slot: age }, job: Address([job; 32]) }
}

/// Of any class for an even number, of class 1 or 2 for an odd one.
fn asks(demand: DemandId) -> (DemandId, Errand) {
    let gpu_classes = if demand.is_multiple_of(2) { 0 } else { 1 << (1 + demand / 2 % 2) };
    (demand, Errand::of(&Demand { gpu_classes, ..Demand::anything() }))
}

fn buyer(number: u8) -> Address {
    Address([200 + number; 32])
}

fn is_empty(queue: &Queue) -> bool {
    let of_lines = queue.lines.is_empty() && queue.awake.is_empty() && queue.rows.is_empty();
    of_lines && queue.buyers.is_empty() && queue.places.is_empty() && queue.with_aside.is_empty()
}

fn first(queue: &Queue) -> Option<u8> {
    queue.first().map(|(_, job)| job.0[0])
}

#[test]
fn the_buyer_that_holds_least_is_first_then_whoever_has_held_that_for_longest() {
    let mut queue = Queue::default();
    queue.enter(buyer(1), asks(0), turn(1, 1));
    queue.enter(buyer(2), asks(1), turn(2, 2));
    assert_eq!(first(&queue), Some(1));
    queue.hold(buyer(1), 3);
    assert_eq!((queue.held(buyer(1)), first(&queue)), (3, Some(2)));
    queue.hold(buyer(2), 4);
    assert_eq!(first(&queue), Some(1));
    queue.leave(Address([1; 32]));
    assert_eq!(first(&queue), Some(2));
}

#[test]
fn whoever_had_a_lease_comes_after_those_who_had_none_meanwhile() {
    let mut queue = Queue::default();
    for job in 1..=3 {
        queue.enter(buyer(1), asks(0), turn(job, 1));
    }
    queue.enter(buyer(2), asks(0), turn(4, 9));
    queue.enter(buyer(3), asks(1), turn(5, 9));
    let mut served = Vec::new();
    while let Some((_, job)) = queue.first_for(1, |_| true, |_| true) {
        assert_eq!(queue.first(), queue.first_for(1, |_| true, |_| true));
        let of = queue.places[&job].buyer;
        queue.leave(job);
        queue.hold(of, 1);
        queue.hold(of, -1);
        served.push(job.0[0]);
    }
    assert_eq!(served, [1, 4, 5, 2, 3], "older jobs win nothing from another buyer");
}

#[test]
fn priority_wins_nothing_from_another_buyer() {
    let mut queue = Queue::default();
    let urgent = |job| Turn { rank: Rank { priority: Reverse(255), opened_slot: 1 }, ..turn(job, 1) };
    queue.enter(buyer(2), asks(0), turn(1, 5));
    queue.enter(buyer(1), asks(0), urgent(2));
    queue.enter(buyer(1), asks(1), urgent(3));
    assert_eq!((first(&queue), queue.next_in(0, 9)), (Some(1), vec![Address([1; 32]), Address([2; 32])]));
    assert_eq!(queue.first_for(1, |_| true, |_| true), Some((0, Address([1; 32]))));
}

#[test]
fn priority_orders_a_buyers_own_jobs() {
    let mut queue = Queue::default();
    queue.enter(buyer(1), asks(0), turn(1, 1));
    queue.enter(buyer(1), asks(0), Turn { rank: Rank { priority: Reverse(9), opened_slot: 2 }, ..turn(2, 2) });
    queue.enter(buyer(2), asks(0), turn(3, 3));
    assert_eq!(first(&queue), Some(2));
    queue.hold(buyer(1), 1);
    assert_eq!(first(&queue), Some(3), "however high, it wins nothing from a buyer who holds less");
}

#[test]
fn a_line_that_sleeps_keeps_nobody_else_waiting() {
    let mut queue = Queue::default();
    queue.enter(buyer(1), asks(0), turn(1, 1));
    queue.enter(buyer(2), asks(0), turn(2, 2));
    queue.enter(buyer(3), asks(1), turn(3, 3));
    queue.sleep(0);
    assert_eq!(first(&queue), Some(3));
    queue.enter(buyer(4), asks(0), turn(4, 0));
    assert_eq!(first(&queue), Some(3), "who joins a line that sleeps sleeps too");
    let for_a_node = |queue: &mut Queue| queue.first_for(1, |_| true, |demand| demand == 0).map(|(_, job)| job.0[0]);
    assert_eq!(for_a_node(&mut queue), Some(1), "a node that comes free asks those who sleep");
}

#[test]
fn a_job_put_aside_lets_its_line_go_on_and_comes_back() {
    let mut queue = Queue::default();
    queue.enter(buyer(1), asks(0), turn(1, 1));
    queue.enter(buyer(1), asks(0), turn(2, 2));
    queue.put_aside(Address([1; 32]));
    assert_eq!((first(&queue), queue.with_aside().count()), (Some(2), 1));
    queue.recall(0);
    assert_eq!(first(&queue), Some(1));
    queue.put_aside(Address([1; 32]));
    queue.enter(buyer(1), asks(0), turn(1, 1));
    assert_eq!(first(&queue), Some(1), "its own event brings it back");
    queue.sleep(0);
    queue.put_aside(Address([1; 32]));
    assert_eq!(first(&queue), Some(2), "a node fits, so the others are asked");
    queue.leave(Address([1; 32]));
    queue.leave(Address([2; 32]));
    assert!(is_empty(&queue) && queue.first().is_none());
}

#[test]
fn nothing_is_left_of_whoever_is_gone() {
    let mut queue = Queue::default();
    queue.hold(buyer(1), 2);
    queue.enter(buyer(1), asks(7), turn(1, 1));
    queue.sleep(7);
    queue.leave(Address([1; 32]));
    queue.hold(buyer(1), -2);
    assert!(is_empty(&queue));
}

#[test]
fn whoever_gives_back_comes_up_again() {
    let mut queue = Queue::default();
    for number in 1..=2 {
        queue.enter(buyer(number), asks(u32::from(number)), turn(number, number.into()));
    }
    queue.hold(buyer(1), 5);
    queue.hold(buyer(2), 2);
    assert_eq!(first(&queue), Some(2));
    queue.hold(buyer(1), -4);
    assert_eq!(first(&queue), Some(1));
    queue.hold(buyer(1), 1);
    queue.hold(buyer(1), 1);
    assert_eq!(first(&queue), Some(2), "more is heard of as well");
}

#[derive(Clone, Debug)]
enum Step {
    Enter {
        job: u8,
        buyer: u8,
        demand: DemandId,
        age: u64,
        priority: u8,
    },
    Leave(u8),
    Hold(u8, i64),
    Sleep(DemandId),
    PutAside(u8),
    Recall(DemandId),
    /// A node of the class that suits demands under a number.
    Ask(GpuClass, DemandId),
}

fn step() -> impl Strategy<Value = Step> {
    let job = || 0..30u8;
    let demand = || 0..6u32;
    prop_oneof![
        8 => (job(), demand(), 0..5u64, 0..2u8).prop_map(|(job, demand, age, priority)| Step::Enter {
            job, buyer: job % 4, demand, age, priority
        }),
        2 => job().prop_map(Step::Leave),
        4 => (0..4u8, -3..6i64).prop_map(|(buyer, units)| Step::Hold(buyer, units)),
        2 => demand().prop_map(Step::Sleep),
        2 => job().prop_map(Step::PutAside),
        1 => demand().prop_map(Step::Recall),
        6 => (1..3u8, 0..7u32).prop_map(|(class, under)| Step::Ask(class, under)),
    ]
}

/// Every job that waits: what it asks for, whose it is, its turn, whether it is aside.
type Waiting = BTreeMap<u8, (DemandId, u8, Turn, bool)>;

/// The same by a look at everybody.
#[derive(Default)]
struct Model {
    waiting: Waiting,
    /// What each buyer holds, and the number of the change that led to it.
    shares: BTreeMap<u8, (u64, u64)>,
    changes: u64,
    asleep: BTreeSet<DemandId>,
}

impl Model {
    fn first(&self, may: impl Fn(DemandId) -> bool) -> Option<(DemandId, Address)> {
        let there = self.waiting.values().filter(|(demand, _, _, aside)| !aside && may(*demand));
        let key = |(demand, of, turn, _): &(DemandId, u8, Turn, bool)| (self.shares[of], turn.rank, *demand, turn.job);
        there.map(key).min().map(|(.., demand, job)| (demand, job))
    }

    /// Whoever is new has come to hold nothing.
    fn arrive(&mut self, of: u8) {
        if !self.shares.contains_key(&of) {
            self.hold(of, 0);
        }
    }

    fn hold(&mut self, of: u8, units: i64) {
        self.changes += 1;
        let held = self.shares.get(&of).map_or(0, |share| share.0);
        self.shares.insert(of, (held.saturating_add_signed(units), self.changes));
    }

    /// A line that everybody has left is forgotten, and begins awake; so is a buyer who holds nothing and waits for
    /// nothing.
    fn forget(&mut self) {
        let waiting = &self.waiting;
        self.asleep.retain(|demand| waiting.values().any(|waiting| waiting.0 == *demand));
        let waits = |of: u8| waiting.values().any(|(_, buyer, _, aside)| *buyer == of && !aside);
        self.shares.retain(|of, (held, _)| *held > 0 || waits(*of));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn turns_are_those_that_a_look_at_everybody_finds(steps in prop::collection::vec(step(), 1..200)) {
        let (mut queue, mut model) = (Queue::default(), Model::default());
        for step in steps {
            match step {
                Step::Enter { job, buyer: of, demand, age, priority } => {
                    let turn = Turn { rank: Rank { priority: Reverse(priority), opened_slot: age }, ..turn(job, age) };
                    queue.enter(buyer(of), asks(demand), turn);
                    if model.waiting.get(&job) != Some(&(demand, of, turn, false)) {
                        model.waiting.remove(&job);
                        model.forget();
                        model.arrive(of);
                        model.waiting.insert(job, (demand, of, turn, false));
                    }
                }
                Step::Leave(job) => {
                    queue.leave(Address([job; 32]));
                    model.waiting.remove(&job);
                }
                Step::Hold(of, units) => {
                    queue.hold(buyer(of), units);
                    model.hold(of, units);
                }
                Step::Sleep(demand) => {
                    queue.sleep(demand);
                    model.asleep.insert(demand);
                }
                Step::PutAside(job) => {
                    queue.put_aside(Address([job; 32]));
                    if let Some(waiting) = model.waiting.get_mut(&job).filter(|waiting| !waiting.3) {
                        waiting.3 = true;
                        model.asleep.remove(&waiting.0);
                    }
                }
                Step::Recall(demand) => {
                    queue.recall(demand);
                    let aside = model.waiting.values_mut().filter(|waiting| waiting.0 == demand && waiting.3);
                    let buyers: Vec<u8> = aside.map(|waiting| { waiting.3 = false; waiting.1 }).collect();
                    buyers.into_iter().for_each(|of| model.arrive(of));
                }
                Step::Ask(class, under) => {
                    let accepts = |demand: DemandId| asks(demand).1.classes().any(|row| row.is_none_or(|row| row == class));
                    let expected = model.first(|demand| demand < under && accepts(demand));
                    prop_assert_eq!(queue.first_for(class, |_| true, |demand| demand < under), expected);
                }
            }
            model.forget();
            prop_assert_eq!(queue.first(), model.first(|demand| !model.asleep.contains(&demand)));
        }
        for job in model.waiting.into_keys() {
            queue.leave(Address([job; 32]));
        }
        for (of, (held, _)) in model.shares {
            queue.hold(buyer(of), -i64::try_from(held).unwrap());
        }
        prop_assert!(is_empty(&queue));
    }
}
