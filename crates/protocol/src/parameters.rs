use crate::money::MAXIMUM_FEE;
use crate::{BasisPoints, Error, MicroUsdc, Seconds};

/// What the admin may tune, inside hard bounds. A lease keeps the values it was opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Parameters {
    /// The network's share of every payment; at most 1500.
    pub fee: BasisPoints,
    /// A lease's bond covers this many hours at its price.
    pub bond_hours: u16,
    /// The least bond of a lease.
    pub minimum_bond: MicroUsdc,
    /// From lease to first voucher, image pull included.
    pub start_timeout: Seconds,
    /// The longest silence of a running lease on chain.
    pub checkpoint_interval: Seconds,
    /// From the end of a lease, or a cancel, until anyone may settle it.
    pub settle_grace: Seconds,
    /// Share of the bond lost by a node that never starts.
    pub abandon_penalty: BasisPoints,
    /// Share of the bond lost by a node that falls silent.
    pub lost_penalty: BasisPoints,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            fee: BasisPoints(500),
            bond_hours: 24,
            minimum_bond: MicroUsdc(1_000_000),
            start_timeout: Seconds(300),
            checkpoint_interval: Seconds(900),
            settle_grace: Seconds(600),
            abandon_penalty: BasisPoints(1_000),
            lost_penalty: BasisPoints(2_500),
        }
    }
}

impl Parameters {
    /// # Errors
    /// [`Error::ParameterOutOfBounds`] for a fee over 15 %, a share over the whole, or a duration
    /// outside of 5 seconds to 1 day; a bond over 30 days.
    pub fn check(&self) -> Result<(), Error> {
        let duration = |value: Seconds| (5..=86_400).contains(&value.0);
        let inside = self.fee <= MAXIMUM_FEE
            && self.bond_hours <= 720
            && self.abandon_penalty <= BasisPoints::WHOLE
            && self.lost_penalty <= BasisPoints::WHOLE
            && duration(self.start_timeout)
            && duration(self.checkpoint_interval)
            && duration(self.settle_grace);
        if inside { Ok(()) } else { Err(Error::ParameterOutOfBounds) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_inside_their_bounds() {
        assert_eq!(Parameters::default().check(), Ok(()));
    }

    #[test]
    fn each_bound_refuses() {
        let good = Parameters::default();
        for bad in [
            Parameters { fee: BasisPoints(1_501), ..good },
            Parameters { bond_hours: 721, ..good },
            Parameters { abandon_penalty: BasisPoints(10_001), ..good },
            Parameters { lost_penalty: BasisPoints(10_001), ..good },
            Parameters { start_timeout: Seconds(4), ..good },
            Parameters { start_timeout: Seconds(86_401), ..good },
            Parameters { checkpoint_interval: Seconds(4), ..good },
            Parameters { checkpoint_interval: Seconds(86_401), ..good },
            Parameters { settle_grace: Seconds(4), ..good },
            Parameters { settle_grace: Seconds(86_401), ..good },
        ] {
            assert_eq!(bad.check(), Err(Error::ParameterOutOfBounds), "{bad:?}");
        }
    }
}
