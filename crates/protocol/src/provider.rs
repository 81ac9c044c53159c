use crate::{BasisPoints, Earnings, Error, Reputation, Stake, UnixSeconds};

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

    /// # Errors
    /// [`Error::InvariantBroken`] when a ledger does not add up.
    pub fn invariant(&self) -> Result<(), Error> {
        self.stake.invariant()?;
        self.earnings.invariant()
    }
}
