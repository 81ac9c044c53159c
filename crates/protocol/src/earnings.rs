use crate::{Error, MicroUsdc};

/// The ledger of a provider's earnings vault: whose money lies in it, and what went through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Earnings {
    /// What the payout owner may withdraw.
    pub owner: MicroUsdc,
    /// What anyone may sweep to the treasury.
    pub fees: MicroUsdc,
    /// All that ever came in, both shares.
    pub received: MicroUsdc,
    /// All that the payout owner ever withdrew.
    pub withdrawn: MicroUsdc,
    /// All that was ever swept to the treasury.
    pub swept: MicroUsdc,
}

impl Earnings {
    /// What the vault must hold.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn total(&self) -> Result<MicroUsdc, Error> {
        self.owner.plus(self.fees)
    }

    /// Books what has come into the vault.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn receive(&mut self, owner: MicroUsdc, fees: MicroUsdc) -> Result<(), Error> {
        let mut after = *self;
        after.owner = self.owner.plus(owner)?;
        after.fees = self.fees.plus(fees)?;
        after.received = self.received.plus(owner.plus(fees)?)?;
        *self = after;
        Ok(())
    }

    /// Everything of the owner's leaves.
    ///
    /// # Errors
    /// [`Error::AmountZero`] when there is nothing.
    pub fn withdraw(&mut self) -> Result<MicroUsdc, Error> {
        if self.owner == MicroUsdc::ZERO {
            return Err(Error::AmountZero);
        }
        self.withdrawn = self.withdrawn.plus(self.owner)?;
        Ok(std::mem::take(&mut self.owner))
    }

    /// Everything of the network's leaves.
    ///
    /// # Errors
    /// [`Error::AmountZero`] when there is nothing.
    pub fn sweep(&mut self) -> Result<MicroUsdc, Error> {
        if self.fees == MicroUsdc::ZERO {
            return Err(Error::AmountZero);
        }
        self.swept = self.swept.plus(self.fees)?;
        Ok(std::mem::take(&mut self.fees))
    }

    /// # Errors
    /// [`Error::InvariantBroken`] when the history does not add up.
    pub fn invariant(&self) -> Result<(), Error> {
        let gone = self.withdrawn.plus(self.swept)?;
        if self.received.minus(gone) == self.total() { Ok(()) } else { Err(Error::InvariantBroken) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_share_leaves_whole_and_once() {
        let mut earnings = Earnings::default();
        assert_eq!(earnings.withdraw(), Err(Error::AmountZero));
        assert_eq!(earnings.sweep(), Err(Error::AmountZero));
        earnings.receive(MicroUsdc(95), MicroUsdc(5)).unwrap();
        assert_eq!(earnings.total(), Ok(MicroUsdc(100)));
        assert_eq!(earnings.withdraw(), Ok(MicroUsdc(95)));
        assert_eq!(earnings.withdraw(), Err(Error::AmountZero));
        assert_eq!(earnings.sweep(), Ok(MicroUsdc(5)));
        assert_eq!(earnings.sweep(), Err(Error::AmountZero));
        assert_eq!(earnings.invariant(), Ok(()));
        assert_eq!((earnings.withdrawn, earnings.swept), (MicroUsdc(95), MicroUsdc(5)));
    }

    #[test]
    fn a_history_that_does_not_add_up_is_refused() {
        let earnings = Earnings { owner: MicroUsdc(1), ..Earnings::default() };
        assert_eq!(earnings.invariant(), Err(Error::InvariantBroken));
    }
}
