use crate::{Error, MicroUsdc, UnixSeconds};

/// How much of a buyer's prepaid balance a delegate may put into jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Allowance {
    pub per_job: MicroUsdc,
    pub total: MicroUsdc,
    /// Deposits of all jobs opened so far; refunds do not lower it.
    pub spent: MicroUsdc,
    pub expires_at: UnixSeconds,
}

impl Allowance {
    /// Books one job's deposit.
    ///
    /// # Errors
    /// [`Error::AllowanceExpired`] at the expiry or later, [`Error::AllowanceExceeded`] for a deposit over
    /// the cap of one job or over what is left of the total, [`Error::Overflow`].
    pub fn draw(&mut self, deposit: MicroUsdc, now: UnixSeconds) -> Result<(), Error> {
        if now >= self.expires_at {
            return Err(Error::AllowanceExpired);
        }
        let spent = self.spent.plus(deposit)?;
        if deposit > self.per_job || spent > self.total {
            return Err(Error::AllowanceExceeded);
        }
        self.spent = spent;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cap_holds_to_the_last_micro_usdc_and_second() {
        let mut allowance = Allowance {
            per_job: MicroUsdc(60),
            total: MicroUsdc(100),
            spent: MicroUsdc(0),
            expires_at: UnixSeconds(10),
        };
        assert_eq!(allowance.draw(MicroUsdc(61), UnixSeconds(9)), Err(Error::AllowanceExceeded));
        assert_eq!(allowance.draw(MicroUsdc(60), UnixSeconds(10)), Err(Error::AllowanceExpired));
        assert_eq!(allowance.draw(MicroUsdc(60), UnixSeconds(9)), Ok(()));
        assert_eq!(allowance.draw(MicroUsdc(41), UnixSeconds(9)), Err(Error::AllowanceExceeded));
        assert_eq!(allowance.draw(MicroUsdc(40), UnixSeconds(9)), Ok(()));
        assert_eq!(allowance.spent, MicroUsdc(100));
    }
}
