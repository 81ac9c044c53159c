use crate::{Error, MicroUsdc};

/// A provider's stake: what its vault holds, and how much of it stands as bond for live leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stake {
    pub total: MicroUsdc,
    pub locked: MicroUsdc,
}

impl Stake {
    /// What may back a further lease.
    pub fn free(&self) -> MicroUsdc {
        self.total.saturating_minus(self.locked)
    }

    /// # Errors
    /// [`Error::AmountZero`], [`Error::Overflow`].
    pub fn add(&mut self, amount: MicroUsdc) -> Result<(), Error> {
        if amount == MicroUsdc::ZERO {
            return Err(Error::AmountZero);
        }
        self.total = self.total.plus(amount)?;
        Ok(())
    }

    /// # Errors
    /// [`Error::StakeTooSmall`] when the free stake does not cover the bond.
    pub fn lock(&mut self, bond: MicroUsdc) -> Result<(), Error> {
        if self.free() < bond {
            return Err(Error::StakeTooSmall);
        }
        self.locked = self.locked.plus(bond)?;
        Ok(())
    }

    /// Frees a bond and takes `penalty` out of it.
    ///
    /// # Errors
    /// [`Error::InvariantBroken`] for a penalty over the bond or a bond that was not locked.
    pub fn release(&mut self, bond: MicroUsdc, penalty: MicroUsdc) -> Result<(), Error> {
        if penalty > bond || bond > self.locked {
            return Err(Error::InvariantBroken);
        }
        self.locked = self.locked.minus(bond)?;
        self.total = self.total.minus(penalty)?;
        self.invariant()
    }

    /// # Errors
    /// [`Error::InvariantBroken`] when more is locked than there is.
    pub fn invariant(&self) -> Result<(), Error> {
        if self.locked <= self.total { Ok(()) } else { Err(Error::InvariantBroken) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_only_what_is_free() {
        let mut stake = Stake::default();
        assert_eq!(stake.add(MicroUsdc(0)), Err(Error::AmountZero));
        stake.add(MicroUsdc(100)).unwrap();
        stake.lock(MicroUsdc(60)).unwrap();
        assert_eq!(stake.lock(MicroUsdc(41)), Err(Error::StakeTooSmall));
        stake.lock(MicroUsdc(40)).unwrap();
        assert_eq!(stake.free(), MicroUsdc::ZERO);
    }

    #[test]
    fn a_penalty_leaves_the_vault_and_the_rest_is_free_again() {
        let mut stake = Stake { total: MicroUsdc(100), locked: MicroUsdc(60) };
        assert_eq!(stake.release(MicroUsdc(60), MicroUsdc(61)), Err(Error::InvariantBroken));
        assert_eq!(stake.release(MicroUsdc(61), MicroUsdc(0)), Err(Error::InvariantBroken));
        stake.release(MicroUsdc(60), MicroUsdc(15)).unwrap();
        assert_eq!(stake, Stake { total: MicroUsdc(85), locked: MicroUsdc(0) });
    }
}
