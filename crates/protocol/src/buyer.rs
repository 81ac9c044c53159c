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
    /// Jobs that still have to be refunded into the balance.
    pub jobs_live: u32,
    pub jobs_cancelled: u32,
    pub disputes_lost: u32,
    /// Allowances that exist.
    pub allowances: u32,
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

    /// A job takes its deposit from the balance.
    ///
    /// # Errors
    /// [`Error::BalanceTooSmall`], [`Error::Overflow`].
    pub fn open_job(&mut self, deposit: MicroUsdc) -> Result<(), Error> {
        let opened = self.jobs_opened.checked_add(1).ok_or(Error::Overflow)?;
        let live = self.jobs_live.checked_add(1).ok_or(Error::Overflow)?;
        self.spend(deposit)?;
        (self.jobs_opened, self.jobs_live) = (opened, live);
        Ok(())
    }

    /// A job gives back what is left of it.
    ///
    /// # Errors
    /// [`Error::InvariantBroken`] when no job is live, [`Error::Overflow`].
    pub fn close_job(&mut self, refund: MicroUsdc, cancelled: bool, disputes_lost: u16) -> Result<(), Error> {
        let live = self.jobs_live.checked_sub(1).ok_or(Error::InvariantBroken)?;
        self.refund(refund)?;
        self.jobs_live = live;
        self.jobs_cancelled = self.jobs_cancelled.saturating_add(u32::from(cancelled));
        self.disputes_lost = self.disputes_lost.saturating_add(u32::from(disputes_lost));
        Ok(())
    }

    /// Whether the account may go: no money, and nothing that could still come back or spend.
    ///
    /// # Errors
    /// [`Error::BuyerBusy`].
    pub fn check_closable(&self) -> Result<(), Error> {
        let idle = self.balance == MicroUsdc::ZERO && self.jobs_live == 0 && self.allowances == 0;
        if idle { Ok(()) } else { Err(Error::BuyerBusy) }
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
    fn a_buyer_goes_only_without_money_jobs_and_allowances() {
        let mut buyer = Buyer::default();
        assert_eq!(buyer.check_closable(), Ok(()));
        assert_eq!(buyer.close_job(MicroUsdc(0), false, 0), Err(Error::InvariantBroken));
        buyer.deposit(MicroUsdc(100)).unwrap();
        assert_eq!(buyer.check_closable(), Err(Error::BuyerBusy));
        assert_eq!(buyer.open_job(MicroUsdc(101)), Err(Error::BalanceTooSmall));
        buyer.open_job(MicroUsdc(100)).unwrap();
        assert_eq!((buyer.jobs_opened, buyer.jobs_live), (1, 1));
        assert_eq!(buyer.check_closable(), Err(Error::BuyerBusy));
        buyer.close_job(MicroUsdc(0), true, 2).unwrap();
        assert_eq!((buyer.jobs_live, buyer.jobs_cancelled, buyer.disputes_lost), (0, 1, 2));
        assert_eq!(buyer.check_closable(), Ok(()));
        assert_eq!(Buyer { allowances: 1, ..buyer }.check_closable(), Err(Error::BuyerBusy));
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
