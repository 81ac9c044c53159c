use crate::{Error, MicroUsdc, Seconds, UnixSeconds};

/// How many withdrawals of stake may wait at the same time.
pub const UNBONDING_SLOTS: usize = 4;

/// Stake on its way out: no bond any more, not yet the owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Unbonding {
    /// Zero in a free slot.
    pub amount: MicroUsdc,
    pub unlocks_at: UnixSeconds,
}

/// A provider's stake: what its vault holds, how much of it stands as bond for leases that are not
/// settled, how much is on its way out, and everything that ever came in and went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stake {
    pub total: MicroUsdc,
    pub locked: MicroUsdc,
    pub unbonding: [Unbonding; UNBONDING_SLOTS],
    /// All that was ever paid in.
    pub paid_in: MicroUsdc,
    /// All that was ever taken as a penalty, a credit or a forfeit.
    pub slashed: MicroUsdc,
    /// All that ever went back to the owner.
    pub withdrawn: MicroUsdc,
}

impl Stake {
    /// What may back a further lease or leave.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn free(&self) -> Result<MicroUsdc, Error> {
        Ok(self.total.saturating_minus(self.locked.plus(self.unbonding_total()?)?))
    }

    fn unbonding_total(&self) -> Result<MicroUsdc, Error> {
        self.unbonding.iter().try_fold(MicroUsdc::ZERO, |sum, slot| sum.plus(slot.amount))
    }

    /// # Errors
    /// [`Error::AmountZero`], [`Error::Overflow`].
    pub fn add(&mut self, amount: MicroUsdc) -> Result<(), Error> {
        if amount == MicroUsdc::ZERO {
            return Err(Error::AmountZero);
        }
        let paid_in = self.paid_in.plus(amount)?;
        self.total = self.total.plus(amount)?;
        self.paid_in = paid_in;
        Ok(())
    }

    /// # Errors
    /// [`Error::StakeTooSmall`] when the free stake does not cover the bond.
    pub fn lock(&mut self, bond: MicroUsdc) -> Result<(), Error> {
        if self.free()? < bond {
            return Err(Error::StakeTooSmall);
        }
        self.locked = self.locked.plus(bond)?;
        Ok(())
    }

    /// Frees a bond and takes `slash` out of it.
    ///
    /// # Errors
    /// [`Error::InvariantBroken`] for a slash over the bond or a bond that was not locked.
    pub fn release(&mut self, bond: MicroUsdc, slash: MicroUsdc) -> Result<(), Error> {
        if slash > bond || bond > self.locked {
            return Err(Error::InvariantBroken);
        }
        self.locked = self.locked.minus(bond)?;
        self.total = self.total.minus(slash)?;
        self.slashed = self.slashed.plus(slash)?;
        self.invariant()
    }

    /// Puts free stake on its way out; returns when it unlocks.
    ///
    /// # Errors
    /// [`Error::AmountZero`], [`Error::StakeTooSmall`] when less is free, [`Error::UnbondingFull`],
    /// [`Error::Overflow`].
    pub fn unbond(&mut self, amount: MicroUsdc, wait: Seconds, now: UnixSeconds) -> Result<UnixSeconds, Error> {
        if amount == MicroUsdc::ZERO {
            return Err(Error::AmountZero);
        }
        if self.free()? < amount {
            return Err(Error::StakeTooSmall);
        }
        let unlocks_at = now.after(wait)?;
        let slot = self.unbonding.iter_mut().find(|slot| slot.amount == MicroUsdc::ZERO).ok_or(Error::UnbondingFull)?;
        *slot = Unbonding { amount, unlocks_at };
        Ok(unlocks_at)
    }

    /// Takes out everything that has unlocked, and returns it.
    ///
    /// # Errors
    /// [`Error::DeadlineNotPassed`] when nothing has.
    pub fn withdraw(&mut self, now: UnixSeconds) -> Result<MicroUsdc, Error> {
        let mut after = *self;
        let mut amount = MicroUsdc::ZERO;
        for slot in after.unbonding.iter_mut().filter(|slot| slot.amount != MicroUsdc::ZERO && now >= slot.unlocks_at) {
            amount = amount.plus(slot.amount)?;
            *slot = Unbonding::default();
        }
        if amount == MicroUsdc::ZERO {
            return Err(Error::DeadlineNotPassed);
        }
        after.total = self.total.minus(amount)?;
        after.withdrawn = self.withdrawn.plus(amount)?;
        *self = after;
        Ok(amount)
    }

    /// # Errors
    /// [`Error::InvariantBroken`] when more is spoken for than there is, or the history does not add up.
    pub fn invariant(&self) -> Result<(), Error> {
        let spoken_for = self.locked.plus(self.unbonding_total()?)?;
        let gone = self.slashed.plus(self.withdrawn)?;
        if spoken_for <= self.total && self.paid_in.minus(gone) == Ok(self.total) {
            Ok(())
        } else {
            Err(Error::InvariantBroken)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stake(total: u64, locked: u64) -> Stake {
        Stake { total: MicroUsdc(total), locked: MicroUsdc(locked), paid_in: MicroUsdc(total), ..Stake::default() }
    }

    #[test]
    fn locks_only_what_is_free() {
        let mut stake = Stake::default();
        assert_eq!(stake.add(MicroUsdc(0)), Err(Error::AmountZero));
        stake.add(MicroUsdc(100)).unwrap();
        stake.lock(MicroUsdc(60)).unwrap();
        assert_eq!(stake.lock(MicroUsdc(41)), Err(Error::StakeTooSmall));
        stake.lock(MicroUsdc(40)).unwrap();
        assert_eq!(stake.free(), Ok(MicroUsdc::ZERO));
    }

    #[test]
    fn a_slash_leaves_the_vault_and_the_rest_is_free_again() {
        let mut stake = stake(100, 60);
        assert_eq!(stake.release(MicroUsdc(60), MicroUsdc(61)), Err(Error::InvariantBroken));
        assert_eq!(stake.release(MicroUsdc(61), MicroUsdc(0)), Err(Error::InvariantBroken));
        stake.release(MicroUsdc(60), MicroUsdc(15)).unwrap();
        assert_eq!((stake.total, stake.locked, stake.slashed), (MicroUsdc(85), MicroUsdc(0), MicroUsdc(15)));
    }

    #[test]
    fn unbonding_never_touches_what_is_locked_and_backs_nothing() {
        let mut stake = stake(100, 60);
        assert_eq!(stake.unbond(MicroUsdc(0), Seconds(10), UnixSeconds(1)), Err(Error::AmountZero));
        assert_eq!(stake.unbond(MicroUsdc(41), Seconds(10), UnixSeconds(1)), Err(Error::StakeTooSmall));
        assert_eq!(stake.unbond(MicroUsdc(30), Seconds(10), UnixSeconds(1)), Ok(UnixSeconds(11)));
        assert_eq!(stake.lock(MicroUsdc(11)), Err(Error::StakeTooSmall));
        assert_eq!(stake.lock(MicroUsdc(10)), Ok(()));
        assert_eq!(stake.invariant(), Ok(()));
    }

    #[test]
    fn stake_leaves_when_it_has_unlocked_and_not_a_second_before() {
        let mut stake = stake(100, 0);
        stake.unbond(MicroUsdc(30), Seconds(10), UnixSeconds(0)).unwrap();
        stake.unbond(MicroUsdc(20), Seconds(20), UnixSeconds(0)).unwrap();
        assert_eq!(stake.withdraw(UnixSeconds(9)), Err(Error::DeadlineNotPassed));
        assert_eq!(stake.withdraw(UnixSeconds(10)), Ok(MicroUsdc(30)));
        assert_eq!(stake.withdraw(UnixSeconds(19)), Err(Error::DeadlineNotPassed));
        assert_eq!(stake.withdraw(UnixSeconds(20)), Ok(MicroUsdc(20)));
        assert_eq!((stake.total, stake.withdrawn), (MicroUsdc(50), MicroUsdc(50)));
        assert_eq!(stake.invariant(), Ok(()));
    }

    #[test]
    fn everything_that_is_free_can_leave() {
        let mut stake = stake(100, 60);
        assert_eq!(stake.unbond(MicroUsdc(40), Seconds(10), UnixSeconds(1)), Ok(UnixSeconds(11)));
        assert_eq!(stake.free(), Ok(MicroUsdc::ZERO));
    }

    #[test]
    fn the_queue_has_four_places() {
        let mut stake = stake(100, 0);
        for _ in 0..UNBONDING_SLOTS {
            stake.unbond(MicroUsdc(1), Seconds(10), UnixSeconds(0)).unwrap();
        }
        assert_eq!(stake.unbond(MicroUsdc(1), Seconds(10), UnixSeconds(0)), Err(Error::UnbondingFull));
    }

    #[test]
    fn a_history_that_does_not_add_up_is_refused() {
        assert_eq!(Stake { slashed: MicroUsdc(1), ..stake(100, 0) }.invariant(), Err(Error::InvariantBroken));
        assert_eq!(stake(100, 101).invariant(), Err(Error::InvariantBroken));
    }
}
