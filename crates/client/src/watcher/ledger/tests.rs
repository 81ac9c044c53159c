use millrace_protocol::Parameters;

use super::*;
use crate::accounts::ConfigAccount;

const PLACE: Address = Address([1; 32]);
const FIRST: usize = 0;
const SECOND: usize = 1;

fn version(number: u8) -> Option<AnyAccount> {
    let other = Address([number; 32]);
    Some(AnyAccount::Config(ConfigAccount {
        address: PLACE,
        admin: other,
        pending_admin: None,
        scheduler: other,
        arbiter: other,
        paused: false,
        treasury: other,
        mint: other,
        parameters: Parameters::default(),
    }))
}

struct Desk {
    ledger: Ledger,
    horizon: u64,
    now: Instant,
}

impl Desk {
    fn new() -> Self {
        Self { ledger: Ledger::default(), horizon: 0, now: Instant::now() }
    }

    fn hear(&mut self, source: usize, slot: u64, account: Option<AnyAccount>) -> News {
        let heard = Heard { source: Source(source), address: PLACE, slot, account };
        self.ledger.on_heard(heard, self.horizon, self.now)
    }

    fn read(&mut self, slot: u64, account: Option<AnyAccount>) -> Result<Option<Update>, Outdated> {
        self.ledger.on_read(PLACE, slot, account, self.now)
    }
}

fn news(slot: u64, account: Option<AnyAccount>) -> News {
    News::Newer(Update { address: PLACE, slot, account })
}

fn told(slot: u64, account: Option<AnyAccount>) -> Result<Option<Update>, Outdated> {
    Ok(Some(Update { address: PLACE, slot, account }))
}

#[test]
fn the_newest_slot_wins_and_repetition_is_no_news() {
    let mut desk = Desk::new();
    assert_eq!(desk.hear(FIRST, 5, version(1)), news(5, version(1)));
    assert_eq!(desk.hear(SECOND, 5, version(1)), News::Repeated);
    assert_eq!(desk.hear(FIRST, 5, version(2)), news(5, version(2)), "its own order is right");
    assert_eq!(desk.hear(SECOND, 6, version(3)), news(6, version(3)));
    assert_eq!(desk.hear(FIRST, 7, version(3)), News::Repeated);
    assert_eq!(desk.read(8, version(3)), Ok(None));
    assert_eq!(desk.read(9, version(4)), told(9, version(4)));
}

#[test]
fn what_cannot_be_ordered_is_to_be_read() {
    let mut desk = Desk::new();
    desk.hear(FIRST, 5, version(2));
    assert_eq!(desk.hear(SECOND, 4, version(1)), News::Doubtful);
    assert_eq!(desk.hear(SECOND, 5, version(1)), News::Doubtful);
    // A node that names the slot of the subscription with every notification.
    assert_eq!(desk.read(50, version(3)), told(50, version(3)));
    assert_eq!(desk.hear(FIRST, 5, version(4)), News::Doubtful);
    assert_eq!(desk.read(51, version(4)), told(51, version(4)));
}

#[test]
fn a_slot_that_the_chain_cannot_have_reached_is_not_believed() {
    let mut desk = Desk::new();
    desk.read(100, version(1)).unwrap();
    assert_eq!(desk.hear(FIRST, u64::MAX, version(2)), News::Doubtful);
    assert_eq!(desk.hear(FIRST, 101 + Ledger::AHEAD, version(2)), News::Doubtful);
    assert_eq!(desk.hear(FIRST, 100 + Ledger::AHEAD, version(2)), news(100 + Ledger::AHEAD, version(2)));
    desk.horizon = 10_000;
    assert_eq!(desk.hear(FIRST, 10_001, version(3)), news(10_001, version(3)));
    // Nothing known yet is no reason to believe it.
    assert_eq!(Desk::new().hear(FIRST, u64::MAX, version(1)), News::Doubtful);
}

#[test]
fn an_old_reading_takes_nothing_back_and_is_asked_for_again() {
    let mut desk = Desk::new();
    desk.hear(FIRST, 20, version(2));
    assert_eq!(desk.read(19, version(1)), Err(Outdated));
    assert_eq!(desk.read(19, version(2)), Ok(None));
    assert_eq!(desk.read(19, None), Err(Outdated));
    assert_eq!(desk.read(20, version(3)), told(20, version(3)));
}

#[test]
fn a_notification_does_not_outlast_readings_that_move_on() {
    let mut desk = Desk::new();
    desk.read(100, version(1)).unwrap();
    assert_eq!(desk.hear(FIRST, 240, version(9)), news(240, version(9)), "a lie within reason");
    desk.now += Ledger::DOUBT;
    assert_eq!(desk.read(100, version(1)), Err(Outdated), "an endpoint that stands still proves nothing");
    assert_eq!(desk.read(125, version(1)), told(125, version(1)));
    assert_eq!(desk.hear(FIRST, 240, version(9)), news(240, version(9)));
    assert_eq!(desk.read(126, version(1)), Err(Outdated), "not at once");
}

#[test]
fn what_is_gone_is_told_once_and_does_not_come_back_by_a_late_notification() {
    let mut desk = Desk::new();
    assert_eq!(desk.hear(FIRST, 9, None), News::Repeated, "never heard of");
    desk.read(10, version(1)).unwrap();
    assert_eq!(desk.ledger.missing_from(&[]), [PLACE]);
    assert!(desk.ledger.missing_from(&[version(2).unwrap()]).is_empty());
    assert_eq!(desk.read(11, None), told(11, None));
    assert_eq!(desk.read(12, None), Ok(None));
    assert!(desk.ledger.missing_from(&[]).is_empty());
    assert_eq!(desk.hear(FIRST, 10, version(1)), News::Doubtful);
    assert_eq!(desk.hear(FIRST, 13, version(1)), news(13, version(1)), "opened anew");
}

#[test]
fn memory_holds_what_exists_and_what_is_gone_lately() {
    let mut desk = Desk::new();
    desk.read(10, version(1)).unwrap();
    desk.read(11, None).unwrap();
    desk.ledger.prune();
    assert_eq!(desk.ledger.known.len(), 1);
    desk.ledger.on_read(Address([2; 32]), 11 + Ledger::REMEMBERED, None, desk.now).unwrap();
    desk.ledger.prune();
    assert!(desk.ledger.known.is_empty());
}
