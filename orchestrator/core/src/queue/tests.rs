use super::*;

fn turn(job: u8, age: u64) -> Turn {
    Turn { priority: Reverse(0), opened_at: UnixSeconds(age), opened_slot: 0, job: Address([job; 32]) }
}

fn buyer(number: u8) -> Address {
    Address([200 + number; 32])
}

fn first(queue: &mut Queue) -> Option<u8> {
    queue.first().map(|(_, job)| job.0[0])
}

#[test]
fn the_buyer_that_holds_least_is_first_then_the_oldest_job() {
    let mut queue = Queue::default();
    queue.enter(buyer(1), 0, turn(1, 1));
    queue.enter(buyer(2), 1, turn(2, 2));
    assert_eq!(first(&mut queue), Some(1));
    queue.hold(buyer(1), 3);
    assert_eq!((queue.held(buyer(1)), first(&mut queue)), (3, Some(2)));
    queue.hold(buyer(2), 4);
    assert_eq!(first(&mut queue), Some(1));
    queue.leave(Address([1; 32]));
    assert_eq!(first(&mut queue), Some(2));
}

#[test]
fn priority_orders_a_buyers_own_jobs() {
    let mut queue = Queue::default();
    queue.enter(buyer(1), 0, turn(1, 1));
    queue.enter(buyer(1), 0, Turn { priority: Reverse(9), ..turn(2, 2) });
    queue.enter(buyer(2), 0, turn(3, 3));
    assert_eq!(first(&mut queue), Some(2));
    queue.hold(buyer(1), 1);
    assert_eq!(first(&mut queue), Some(3), "however high, it wins nothing from a buyer who holds less");
}

#[test]
fn a_line_that_sleeps_keeps_nobody_else_waiting() {
    let mut queue = Queue::default();
    queue.enter(buyer(1), 0, turn(1, 1));
    queue.enter(buyer(2), 0, turn(2, 2));
    queue.enter(buyer(3), 1, turn(3, 3));
    queue.sleep(0);
    assert_eq!((first(&mut queue), queue.waiting()), (Some(3), vec![0]));
    queue.enter(buyer(4), 0, turn(4, 0));
    assert_eq!(first(&mut queue), Some(3), "who joins a line that sleeps sleeps too");
    queue.wake(0);
    assert_eq!((first(&mut queue), queue.waiting()), (Some(4), vec![]));
}

#[test]
fn a_job_put_aside_lets_its_line_go_on_and_comes_back() {
    let mut queue = Queue::default();
    queue.enter(buyer(1), 0, turn(1, 1));
    queue.enter(buyer(1), 0, turn(2, 2));
    queue.put_aside(Address([1; 32]));
    assert_eq!((first(&mut queue), queue.waiting(), queue.len()), (Some(2), vec![0], 2));
    queue.wake(0);
    assert_eq!(first(&mut queue), Some(1));
    queue.put_aside(Address([1; 32]));
    queue.enter(buyer(1), 0, turn(1, 1));
    assert_eq!(first(&mut queue), Some(1), "its own event brings it back");
    queue.put_aside(Address([1; 32]));
    queue.leave(Address([1; 32]));
    queue.leave(Address([2; 32]));
    assert!(queue.is_empty() && queue.waiting().is_empty() && queue.first().is_none());
}

#[test]
fn nothing_is_left_of_whoever_is_gone() {
    let mut queue = Queue::default();
    queue.hold(buyer(1), 2);
    queue.enter(buyer(1), 7, turn(1, 1));
    queue.sleep(7);
    queue.leave(Address([1; 32]));
    queue.hold(buyer(1), -2);
    assert!(queue.buyers.is_empty() && queue.lines.is_empty() && queue.awake.is_empty() && queue.places.is_empty());
}

#[test]
fn whoever_gives_back_comes_up_again() {
    let mut queue = Queue::default();
    for number in 1..=2 {
        queue.enter(buyer(number), u32::from(number), turn(number, number.into()));
    }
    queue.hold(buyer(1), 5);
    queue.hold(buyer(2), 2);
    assert_eq!(first(&mut queue), Some(2));
    queue.hold(buyer(1), -4);
    assert_eq!(first(&mut queue), Some(1));
    queue.hold(buyer(1), 1);
    queue.hold(buyer(1), 1);
    assert_eq!(first(&mut queue), Some(2), "more is heard of as well");
}
