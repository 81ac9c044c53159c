use crate::{BasisPoints, Earnings, Error, MicroUsdc, Reputation, Stake, UnixSeconds};

/// Whether a provider's nodes may take leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum ProviderStatus {
    #[default]
    Active = 0,
    /// By its owner's wish.
    Draining = 1,
    /// Its reputation fell below the floor.
    Delisted = 2,
}

impl TryFrom<u8> for ProviderStatus {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::Active),
            1 => Ok(Self::Draining),
            2 => Ok(Self::Delisted),
            _ => Err(Error::InvariantBroken),
        }
    }
}

/// What a provider's leases change: stake, earnings and reputation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Provider {
    pub status: ProviderStatus,
    pub stake: Stake,
    pub earnings: Earnings,
    pub reputation: Reputation,
    /// Nodes that have not been removed.
    pub nodes: u32,
}

impl Provider {
    /// # Errors
    /// [`Error::ProviderNotActive`], [`Error::ReputationTooLow`].
    pub fn check_may_lease(&self, minimum: BasisPoints, now: UnixSeconds) -> Result<(), Error> {
        if self.status != ProviderStatus::Active {
            return Err(Error::ProviderNotActive);
        }
        if self.reputation.score(now) < minimum {
            return Err(Error::ReputationTooLow);
        }
        Ok(())
    }

    /// The owner's wish to take no further leases.
    ///
    /// # Errors
    /// [`Error::ProviderNotActive`] when it is delisted.
    pub fn drain(&mut self) -> Result<(), Error> {
        if self.status == ProviderStatus::Delisted {
            return Err(Error::ProviderNotActive);
        }
        self.status = ProviderStatus::Draining;
        Ok(())
    }

    /// The owner's wish to take leases again. What a low reputation has delisted, or would, its owner cannot
    /// list again.
    ///
    /// # Errors
    /// [`Error::ProviderNotActive`] when it is delisted, [`Error::ReputationTooLow`] below `floor`.
    pub fn resume(&mut self, floor: BasisPoints, now: UnixSeconds) -> Result<(), Error> {
        if self.status == ProviderStatus::Delisted {
            return Err(Error::ProviderNotActive);
        }
        if self.reputation.score(now) < floor {
            return Err(Error::ReputationTooLow);
        }
        self.status = ProviderStatus::Active;
        Ok(())
    }

    /// Anyone's crank for a provider whose reputation has fallen below the floor: it gets no further leases.
    ///
    /// # Errors
    /// [`Error::ProviderNotActive`] when it takes none already, [`Error::ReputationAboveFloor`].
    pub fn delist(&mut self, floor: BasisPoints, now: UnixSeconds) -> Result<(), Error> {
        if self.status != ProviderStatus::Active {
            return Err(Error::ProviderNotActive);
        }
        if self.reputation.score(now) >= floor {
            return Err(Error::ReputationAboveFloor);
        }
        self.status = ProviderStatus::Delisted;
        Ok(())
    }

    /// Anyone's crank back, once time has raised the reputation to the floor again.
    ///
    /// # Errors
    /// [`Error::ReputationAboveFloor`] when it is not delisted, [`Error::ReputationTooLow`].
    pub fn relist(&mut self, floor: BasisPoints, now: UnixSeconds) -> Result<(), Error> {
        if self.status != ProviderStatus::Delisted {
            return Err(Error::ReputationAboveFloor);
        }
        if self.reputation.score(now) < floor {
            return Err(Error::ReputationTooLow);
        }
        self.status = ProviderStatus::Active;
        Ok(())
    }

    /// Whether nothing depends on the provider any more: no node, no stake, no money in its vaults that is
    /// on its books. Every lease that is not settled has a bond of at least one micro-USDC locked
    /// ([`crate::Parameters::check`]), so a provider without stake has none.
    ///
    /// # Errors
    /// [`Error::ProviderBusy`].
    pub fn check_may_close(&self) -> Result<(), Error> {
        let empty = self.stake.total == MicroUsdc::ZERO && self.earnings.total()? == MicroUsdc::ZERO;
        if self.nodes == 0 && empty { Ok(()) } else { Err(Error::ProviderBusy) }
    }

    /// # Errors
    /// [`Error::InvariantBroken`] when a ledger does not add up.
    pub fn invariant(&self) -> Result<(), Error> {
        self.stake.invariant()?;
        self.earnings.invariant()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HALF_LIFE, PRIOR};

    const FLOOR: BasisPoints = BasisPoints(5_000);
    const NOW: UnixSeconds = UnixSeconds(0);

    /// Scores exactly the floor with `bad` of one USDC.
    fn provider(bad: u64) -> Provider {
        let reputation = Reputation { bad: MicroUsdc(bad), ..Reputation::default() };
        Provider { reputation, ..Provider::default() }
    }

    #[test]
    fn a_reputation_under_the_floor_is_delisted_and_one_at_it_is_not() {
        assert_eq!(provider(PRIOR.0).delist(FLOOR, NOW), Err(Error::ReputationAboveFloor));
        let mut low = provider(PRIOR.0 + 1_000);
        low.delist(FLOOR, NOW).unwrap();
        assert_eq!(low.status, ProviderStatus::Delisted);
        assert_eq!(low.delist(FLOOR, NOW), Err(Error::ProviderNotActive));
        assert_eq!(low.check_may_lease(BasisPoints(0), NOW), Err(Error::ProviderNotActive));
    }

    #[test]
    fn time_lists_a_provider_again_and_its_owner_does_not() {
        let mut low = provider(2 * PRIOR.0);
        low.delist(FLOOR, NOW).unwrap();
        assert_eq!(low.drain(), Err(Error::ProviderNotActive));
        assert_eq!(low.resume(BasisPoints(0), NOW), Err(Error::ProviderNotActive));
        assert_eq!(low.relist(FLOOR, UnixSeconds(HALF_LIFE.0 - 1)), Err(Error::ReputationTooLow));
        low.relist(FLOOR, UnixSeconds(HALF_LIFE.0)).unwrap();
        assert_eq!(low.status, ProviderStatus::Active);
        assert_eq!(low.relist(FLOOR, UnixSeconds(HALF_LIFE.0)), Err(Error::ReputationAboveFloor));
    }

    #[test]
    fn an_owner_drains_and_resumes() {
        let mut provider = provider(PRIOR.0 + 1_000);
        provider.drain().unwrap();
        assert_eq!(provider.status, ProviderStatus::Draining);
        assert_eq!(provider.check_may_lease(BasisPoints(0), NOW), Err(Error::ProviderNotActive));
        assert_eq!(provider.delist(FLOOR, NOW), Err(Error::ProviderNotActive));
        let score = provider.reputation.score(NOW);
        assert_eq!(provider.resume(BasisPoints(score.0 + 1), NOW), Err(Error::ReputationTooLow));
        assert_eq!(provider.status, ProviderStatus::Draining);
        provider.resume(score, NOW).unwrap();
        assert_eq!(provider.status, ProviderStatus::Active);
        assert_eq!(provider.check_may_lease(BasisPoints(0), NOW), Ok(()));
    }

    #[test]
    fn a_provider_is_sane_when_both_its_ledgers_are() {
        assert_eq!(Provider::default().invariant(), Ok(()));
        let stake = Stake { total: MicroUsdc(1), ..Stake::default() };
        assert_eq!(Provider { stake, ..Provider::default() }.invariant(), Err(Error::InvariantBroken));
        let earnings = Earnings { owner: MicroUsdc(1), ..Earnings::default() };
        assert_eq!(Provider { earnings, ..Provider::default() }.invariant(), Err(Error::InvariantBroken));
    }

    #[test]
    fn only_a_provider_that_nothing_depends_on_is_closed() {
        let one = MicroUsdc(1);
        let good = Provider::default();
        assert_eq!(good.check_may_close(), Ok(()));
        for busy in [
            Provider { nodes: 1, ..good },
            Provider { stake: Stake { total: one, ..Stake::default() }, ..good },
            Provider { earnings: Earnings { owner: one, ..Earnings::default() }, ..good },
            Provider { earnings: Earnings { fees: one, ..Earnings::default() }, ..good },
        ] {
            assert_eq!(busy.check_may_close(), Err(Error::ProviderBusy), "{busy:?}");
        }
    }

    #[test]
    fn statuses_read_back_from_their_numbers() {
        use ProviderStatus::{Active, Delisted, Draining};
        for (number, status) in [Active, Draining, Delisted].into_iter().enumerate() {
            assert_eq!(ProviderStatus::try_from(number as u8), Ok(status));
        }
        assert_eq!(ProviderStatus::try_from(3), Err(Error::InvariantBroken));
    }
}
