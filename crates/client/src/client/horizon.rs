//! Which of several claims about the newest slot is believed. Pure.

use std::time::Instant;

/// How far apart two healthy endpoints may be, in slots: a node of Agave calls itself unhealthy when it
/// is 128 behind (`--health-check-slot-distance`), and answers meanwhile.
const APART: u64 = 150;
/// A cluster makes 2.5 slots a second, and a local network in a hurry has been seen to make 5 a millisecond.
/// This only tells what is possible from what is not.
const SLOTS_PER_MILLISECOND: u64 = 20;

/// The newest slot believed so far.
///
/// A claim beyond what time allows is believed only of an endpoint that another one stands by, or where
/// nobody says anything else. Smaller lies pass: the slot is what a reading is ordered by, and never a
/// proof that it is true.
pub(crate) struct Horizon {
    slot: u64,
    at: Instant,
}

impl Horizon {
    pub fn new(now: Instant) -> Self {
        Self { slot: 0, at: now }
    }

    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// Since the newest slot was seen first.
    pub fn age(&self, now: Instant) -> std::time::Duration {
        now.saturating_duration_since(self.at)
    }

    /// Whether a slot can have been reached by now.
    pub fn allows(&self, slot: u64, now: Instant) -> bool {
        let elapsed = u64::try_from(now.saturating_duration_since(self.at).as_millis()).unwrap_or(u64::MAX);
        let made = elapsed.saturating_mul(SLOTS_PER_MILLISECOND);
        self.slot == 0 || slot <= self.slot.saturating_add(APART).saturating_add(made)
    }

    /// The newest of several claims that can be believed, by its index; `None` without any claim. They were
    /// asked for at `asked_at`: the chain has moved on since.
    pub fn newest(&mut self, claims: &[u64], asked_at: Instant, now: Instant) -> Option<usize> {
        let mut order: Vec<usize> = (0..claims.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(claims[*index]));
        let stands_alone = |index: usize| {
            !claims.iter().enumerate().any(|(other, slot)| other != index && slot.abs_diff(claims[index]) <= APART)
        };
        // Before anything is known, two that agree say more than one that is far ahead of them.
        let believed = |index: &usize| {
            (self.slot > 0 && self.allows(claims[*index], now)) || (claims.len() > 1 && !stands_alone(*index))
        };
        // Where nobody can be believed the chain has jumped, and the least that was said is the least of a lie.
        let nearest = if self.slot > 0 { order.last() } else { order.first() };
        let chosen = order.iter().copied().find(believed).or_else(|| nearest.copied())?;
        if claims[chosen] > self.slot {
            (self.slot, self.at) = (claims[chosen], asked_at);
        }
        Some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_answer_is_taken() {
        let now = Instant::now();
        let mut horizon = Horizon::new(now);
        assert_eq!(horizon.newest(&[], now, now), None);
        assert_eq!(horizon.newest(&[5], now, now), Some(0));
        assert_eq!(horizon.newest(&[100, 101, 7], now, now), Some(1));
        // One that is far behind, and one that does not move any more.
        assert_eq!(horizon.newest(&[3, 140], now, now), Some(1));
    }

    #[test]
    fn a_slot_that_time_does_not_allow_is_not_believed_while_somebody_says_otherwise() {
        let now = Instant::now();
        let mut horizon = Horizon::new(now);
        horizon.newest(&[1_000], now, now);
        assert_eq!(horizon.newest(&[u64::MAX, 1_001], now, now), Some(1));
        let soon = now + Duration::from_millis(1);
        assert_eq!(horizon.newest(&[1_000 + APART + 500, 1_001], soon, soon), Some(1));
        assert!(horizon.allows(1_001 + APART, now) && !horizon.allows(u64::MAX, now));
        // After an hour without a look, the chain is elsewhere.
        let later = now + Duration::from_secs(3_600);
        assert_eq!(horizon.newest(&[10_000, 1_001], later, later), Some(0));
        assert_eq!(horizon.newest(&[u64::MAX, 10_001], later, later), Some(1));
    }

    #[test]
    fn an_answer_is_as_old_as_its_question() {
        let asked_at = Instant::now();
        let mut horizon = Horizon::new(asked_at);
        let answered_at = asked_at + Duration::from_secs(2);
        horizon.newest(&[1_000], asked_at, answered_at);
        assert_eq!(horizon.age(answered_at), Duration::from_secs(2));
        assert!(horizon.allows(1_000 + APART + 2_000 * SLOTS_PER_MILLISECOND, answered_at));
    }

    #[test]
    fn at_the_first_look_two_outvote_one() {
        let now = Instant::now();
        assert_eq!(Horizon::new(now).newest(&[u64::MAX, 1_000, 1_001], now, now), Some(2));
        // Of two that are far apart nobody knows better: a node that is stuck is more common than one that lies.
        assert_eq!(Horizon::new(now).newest(&[5_000, 1_000], now, now), Some(0));
    }

    #[test]
    fn where_all_have_jumped_the_jump_is_believed() {
        let now = Instant::now();
        let mut horizon = Horizon::new(now);
        horizon.newest(&[1_000], now, now);
        assert_eq!(horizon.newest(&[900_000, 900_001], now, now), Some(1));
        assert_eq!(horizon.newest(&[2_000_000], now, now), Some(0));
        assert_eq!(horizon.newest(&[u64::MAX, 2_000_500], now, now), Some(1));
        assert_eq!(Horizon::new(now).newest(&[1], now, now), Some(0));
    }
}
