use crate::{Error, MicroUsdc};

/// A buyer's prepaid balance, and what became of the jobs opened from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Buyer {
    /// What the buyer's vault must hold.
    pub balance: MicroUsdc,
    /// All that was ever put in, refunds of jobs not included.
    pub deposited: MicroUsdc,
    /// All that was ever taken out, jobs not included.
    pub withdrawn: MicroUsdc,
    /// All that ever went into jobs.
    pub spent: MicroUsdc,
    /// All that ever came back from jobs.
    pub refunded: MicroUsdc,
    pub jobs_opened: u32,
    pub jobs_cancelled: u32,
    pub disputes_lost: u32,
}

impl Buyer {
    /// # Errors
    /// [`Error::AmountZero`], [`Error::Overflow`].
    pub fn deposit(&mut self, amount: MicroUsdc) -> Result<(), Error> {
        if amount == MicroUsdc::ZERO {
            return Err(Error::AmountZero);
        }
        let deposited = self.deposited.plus(amount)?;
        self.balance = self.balance.plus(amount)?;
        self.deposited = deposited;
        Ok(())
    }

    /// # Errors
    /// [`Error::AmountZero`], [`Error::BalanceTooSmall`].
    pub fn withdraw(&mut self, amount: MicroUsdc) -> Result<(), Error> {
        if amount == MicroUsdc::ZERO {
            return Err(Error::AmountZero);
        }
        let balance = self.balance.minus(amount).map_err(|_| Error::BalanceTooSmall)?;
        self.withdrawn = self.withdrawn.plus(amount)?;
        self.balance = balance;
        Ok(())
    }

    /// A job's deposit, or an addition to it, leaves the balance.
    ///
    /// # Errors
    /// [`Error::BalanceTooSmall`], [`Error::Overflow`].
    pub fn spend(&mut self, amount: MicroUsdc) -> Result<(), Error> {
        let balance = self.balance.minus(amount).map_err(|_| Error::BalanceTooSmall)?;
        self.spent = self.spent.plus(amount)?;
        self.balance = balance;
        Ok(())
    }

    /// What is left of a job comes back to the balance.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn refund(&mut self, amount: MicroUsdc) -> Result<(), Error> {
        let refunded = self.refunded.plus(amount)?;
        self.balance = self.balance.plus(amount)?;
        self.refunded = refunded;
        Ok(())
    }

    /// # Errors
    /// [`Error::InvariantBroken`] when the history does not add up.
    pub fn invariant(&self) -> Result<(), Error> {
        let came = self.deposited.plus(self.refunded)?;
        let went = self.withdrawn.plus(self.spent)?;
        if came.minus(went) == Ok(self.balance) { Ok(()) } else { Err(Error::InvariantBroken) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balance_is_what_came_less_what_went() {
        let mut buyer = Buyer::default();
        assert_eq!(buyer.deposit(MicroUsdc(0)), Err(Error::AmountZero));
        buyer.deposit(MicroUsdc(100)).unwrap();
        buyer.spend(MicroUsdc(60)).unwrap();
        assert_eq!(buyer.spend(MicroUsdc(41)), Err(Error::BalanceTooSmall));
        buyer.refund(MicroUsdc(25)).unwrap();
        assert_eq!(buyer.withdraw(MicroUsdc(66)), Err(Error::BalanceTooSmall));
        assert_eq!(buyer.withdraw(MicroUsdc(0)), Err(Error::AmountZero));
        buyer.withdraw(MicroUsdc(65)).unwrap();
        assert_eq!(buyer.balance, MicroUsdc::ZERO);
        assert_eq!(buyer.invariant(), Ok(()));
        assert_eq!(Buyer { balance: MicroUsdc(1), ..buyer }.invariant(), Err(Error::InvariantBroken));
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let full = Buyer { balance: MicroUsdc::MAX, deposited: MicroUsdc::MAX, ..Buyer::default() };
        let mut buyer = full;
        assert_eq!(buyer.deposit(MicroUsdc(1)), Err(Error::Overflow));
        assert_eq!(buyer.refund(MicroUsdc(1)), Err(Error::Overflow));
        assert_eq!(buyer, full);
    }
}
