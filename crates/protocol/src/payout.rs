use crate::{Address, Error, Seconds, UnixSeconds};

/// Whose token account earnings may go to. A change waits, so that a stolen owner key cannot take what
/// was earned before its owner notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Payout {
    pub owner: Address,
    /// Takes over at `next_from`.
    pub next: Address,
    /// Zero without a change under way.
    pub next_from: UnixSeconds,
}

impl Payout {
    pub fn new(owner: Address) -> Self {
        Self { owner, next: owner, next_from: UnixSeconds::ZERO }
    }

    /// Who may be paid at `now`.
    pub fn current(&self, now: UnixSeconds) -> Address {
        let counts = self.next_from != UnixSeconds::ZERO && now >= self.next_from;
        if counts { self.next } else { self.owner }
    }

    /// Names another owner, who counts after `delay`. Naming the present one withdraws a change.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn change(&mut self, next: Address, delay: Seconds, now: UnixSeconds) -> Result<(), Error> {
        let owner = self.current(now);
        let next_from = if next == owner { UnixSeconds::ZERO } else { now.after(delay)? };
        *self = Self { owner, next, next_from };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Address = Address([1; 32]);
    const NEW: Address = Address([2; 32]);

    #[test]
    fn without_a_change_under_way_the_owner_is_paid() {
        let withdrawn = Payout { next: NEW, ..Payout::new(OLD) };
        assert_eq!(withdrawn.current(UnixSeconds(0)), OLD);
        assert_eq!(withdrawn.current(UnixSeconds::MAX), OLD);
    }

    #[test]
    fn a_change_counts_after_its_delay_and_can_be_withdrawn_before() {
        let mut payout = Payout::new(OLD);
        payout.change(NEW, Seconds(10), UnixSeconds(5)).unwrap();
        assert_eq!(payout.current(UnixSeconds(14)), OLD);
        assert_eq!(payout.current(UnixSeconds(15)), NEW);
        payout.change(OLD, Seconds(10), UnixSeconds(14)).unwrap();
        assert_eq!(payout.current(UnixSeconds(1_000)), OLD);
    }

    #[test]
    fn a_change_that_has_counted_stands_when_the_next_is_named() {
        let mut payout = Payout::new(OLD);
        payout.change(NEW, Seconds(10), UnixSeconds(5)).unwrap();
        payout.change(OLD, Seconds(10), UnixSeconds(15)).unwrap();
        assert_eq!(payout.current(UnixSeconds(24)), NEW);
        assert_eq!(payout.current(UnixSeconds(25)), OLD);
    }
}
