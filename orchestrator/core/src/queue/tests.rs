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
fn the_buyer_that_holds_least_is_first_then_the_oldest_job() {
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
    assert_eq!(for_a_node(&mut queue), Some(4), "a node that comes free asks those who sleep");
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

/// The turn by a look at everybody.
fn look(waiting: &Waiting, held: &BTreeMap<u8, i64>, may: impl Fn(DemandId) -> bool) -> Option<(DemandId, Address)> {
    let there = waiting.values().filter(|(demand, _, _, aside)| !aside && may(*demand));
    let key = |(demand, of, turn, _): &(DemandId, u8, Turn, bool)| {
        let held = held.get(of).copied().unwrap_or(0);
        ((held, turn.rank, buyer(*of)), *demand, turn.job)
    };
    there.map(key).min().map(|(_, demand, job)| (demand, job))
}

/// A line that everybody has left is forgotten, and begins awake.
fn forget(asleep: &mut BTreeSet<DemandId>, waiting: &Waiting) {
    asleep.retain(|demand| waiting.values().any(|waiting| waiting.0 == *demand));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn turns_are_those_that_a_look_at_everybody_finds(steps in prop::collection::vec(step(), 1..200)) {
        let (mut queue, mut waiting) = (Queue::default(), Waiting::new());
        let (mut held, mut asleep) = (BTreeMap::<u8, i64>::new(), BTreeSet::new());
        for step in steps {
            match step {
                Step::Enter { job, buyer: of, demand, age, priority } => {
                    let turn = Turn { rank: Rank { priority: Reverse(priority), opened_slot: age }, ..turn(job, age) };
                    queue.enter(buyer(of), asks(demand), turn);
                    if waiting.get(&job) != Some(&(demand, of, turn, false)) {
                        waiting.remove(&job);
                        forget(&mut asleep, &waiting);
                    }
                    waiting.insert(job, (demand, of, turn, false));
                }
                Step::Leave(job) => {
                    queue.leave(Address([job; 32]));
                    waiting.remove(&job);
                }
                Step::Hold(of, units) => {
                    let sum = held.entry(of).or_default();
                    let units = units.max(-*sum);
                    *sum += units;
                    queue.hold(buyer(of), units);
                }
                Step::Sleep(demand) => {
                    queue.sleep(demand);
                    asleep.insert(demand);
                }
                Step::PutAside(job) => {
                    queue.put_aside(Address([job; 32]));
                    if let Some(waiting) = waiting.get_mut(&job).filter(|waiting| !waiting.3) {
                        waiting.3 = true;
                        asleep.remove(&waiting.0);
                    }
                }
                Step::Recall(demand) => {
                    queue.recall(demand);
                    waiting.values_mut().filter(|waiting| waiting.0 == demand).for_each(|waiting| waiting.3 = false);
                }
                Step::Ask(class, under) => {
                    let accepts = |demand: DemandId| asks(demand).1.classes().any(|row| row.is_none_or(|row| row == class));
                    let expected = look(&waiting, &held, |demand| demand < under && accepts(demand));
                    prop_assert_eq!(queue.first_for(class, |_| true, |demand| demand < under), expected);
                }
            }
            forget(&mut asleep, &waiting);
            prop_assert_eq!(queue.first(), look(&waiting, &held, |demand| !asleep.contains(&demand)));
        }
        for job in waiting.into_keys() {
            queue.leave(Address([job; 32]));
        }
        for (of, units) in held {
            queue.hold(buyer(of), -units);
        }
        prop_assert!(is_empty(&queue));
    }
}
