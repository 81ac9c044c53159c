use crate::gpu::TIERS;
use crate::money::MAXIMUM_FEE;
use crate::{BasisPoints, Error, MicroUsdc, Seconds};

const DAY: u64 = 86_400;
/// Every lease that is not settled has something locked, by which its provider is known to be needed.
const LOWEST_MINIMUM_BOND: MicroUsdc = MicroUsdc(1);
/// No least bond of a lease passes 100 000 USDC: a higher one would close the market.
const HIGHEST_MINIMUM_BOND: MicroUsdc = MicroUsdc(100_000_000_000);
/// No challenger's least bond passes 1 000 USDC: a higher one would end disputes.
const HIGHEST_MINIMUM_DISPUTE_BOND: MicroUsdc = MicroUsdc(1_000_000_000);

/// What the admin may tune, inside hard bounds. A lease keeps the values it was opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Parameters {
    /// The network's share of every payment; at most 1500.
    pub fee: BasisPoints,
    /// A lease's bond covers this many hours at its price.
    pub bond_hours: u16,
    /// The least bond of a lease, by [`crate::gpu::Tier`].
    pub minimum_bond: [MicroUsdc; TIERS],
    /// The least reputation that may take a lease, by [`crate::gpu::Tier`].
    pub minimum_reputation: [BasisPoints; TIERS],
    /// Below this reputation anyone may delist a provider.
    pub delist_floor: BasisPoints,
    /// From lease to first voucher, image pull included. A node may take it once more, unpaid.
    pub start_timeout: Seconds,
    /// The longest silence of a running lease on chain.
    pub checkpoint_interval: Seconds,
    /// How long a node may hold a lease without a voucher, from the last one.
    pub hold_limit: Seconds,
    /// From the end of a lease, or a cancel, until anyone may settle it.
    pub settle_grace: Seconds,
    /// From the notice to a spot lease until it ends.
    pub preemption_notice: Seconds,
    /// Share of the bond lost by a node that never starts.
    pub abandon_penalty: BasisPoints,
    /// Share of the bond lost by a node that falls silent.
    pub lost_penalty: BasisPoints,
    /// A challenger's bond, as a share of the lease's cost.
    pub dispute_bond: BasisPoints,
    /// The least bond of a challenger.
    pub minimum_dispute_bond: MicroUsdc,
    /// How long the arbiter may take.
    pub decide_window: Seconds,
    /// From the last commitment of a quorum until everyone must have revealed.
    pub reveal_window: Seconds,
    /// From asking for stake back until it may leave.
    pub unbonding: Seconds,
    /// From naming another payout owner until it counts.
    pub payout_delay: Seconds,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            fee: BasisPoints(500),
            bond_hours: 24,
            minimum_bond: [MicroUsdc(1_000_000), MicroUsdc(1_000_000), MicroUsdc(2_000_000), MicroUsdc(5_000_000)],
            minimum_reputation: [BasisPoints(5_000); TIERS],
            delist_floor: BasisPoints(2_500),
            start_timeout: Seconds(300),
            checkpoint_interval: Seconds(900),
            hold_limit: Seconds(6 * 3_600),
            settle_grace: Seconds(600),
            preemption_notice: Seconds(60),
            abandon_penalty: BasisPoints(1_000),
            lost_penalty: BasisPoints(2_500),
            dispute_bond: BasisPoints(1_000),
            minimum_dispute_bond: MicroUsdc(1_000_000),
            decide_window: Seconds(7 * DAY),
            reveal_window: Seconds(3_600),
            unbonding: Seconds(14 * DAY),
            payout_delay: Seconds(2 * DAY),
        }
    }
}

impl Parameters {
    /// # Errors
    /// [`Error::ParameterOutOfBounds`] for a fee over 15 %, a share over the whole, a bond over 30
    /// days, a timeout outside of 5 seconds to 1 day, a hold limit not over the checkpoint interval or
    /// over 7 days, a decision, unbonding or payout time outside of 1 minute to 30 days, a least bond of
    /// nothing or over 100 000 USDC, or over 1 000 USDC for a challenger.
    pub fn check(&self) -> Result<(), Error> {
        let timeouts = [
            self.start_timeout,
            self.checkpoint_interval,
            self.settle_grace,
            self.preemption_notice,
            self.reveal_window,
        ];
        let delays = [self.decide_window, self.unbonding, self.payout_delay];
        let shares = [self.delist_floor, self.abandon_penalty, self.lost_penalty, self.dispute_bond];
        let inside = self.fee <= MAXIMUM_FEE
            && self.bond_hours <= 720
            && self.minimum_bond.iter().all(|bond| (LOWEST_MINIMUM_BOND..=HIGHEST_MINIMUM_BOND).contains(bond))
            && self.minimum_dispute_bond <= HIGHEST_MINIMUM_DISPUTE_BOND
            && shares.iter().chain(&self.minimum_reputation).all(|share| *share <= BasisPoints::WHOLE)
            && timeouts.iter().all(|timeout| (5..=DAY).contains(&timeout.0))
            && delays.iter().all(|delay| (60..=30 * DAY).contains(&delay.0))
            && self.hold_limit > self.checkpoint_interval
            && self.hold_limit.0 <= 7 * DAY;
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
    fn each_bound_refuses_at_its_first_value_outside() {
        let good = Parameters::default();
        let whole = BasisPoints(10_001);
        for bad in [
            Parameters { fee: BasisPoints(1_501), ..good },
            Parameters { bond_hours: 721, ..good },
            Parameters { minimum_reputation: [BasisPoints(0), BasisPoints(0), BasisPoints(0), whole], ..good },
            Parameters { minimum_bond: [MicroUsdc(100_000_000_001); TIERS], ..good },
            Parameters { minimum_bond: [MicroUsdc(1), MicroUsdc(1), MicroUsdc(0), MicroUsdc(1)], ..good },
            Parameters { minimum_dispute_bond: MicroUsdc(1_000_000_001), ..good },
            Parameters { delist_floor: whole, ..good },
            Parameters { abandon_penalty: whole, ..good },
            Parameters { lost_penalty: whole, ..good },
            Parameters { dispute_bond: whole, ..good },
            Parameters { start_timeout: Seconds(4), ..good },
            Parameters { start_timeout: Seconds(DAY + 1), ..good },
            Parameters { checkpoint_interval: Seconds(4), ..good },
            Parameters { checkpoint_interval: Seconds(DAY + 1), hold_limit: Seconds(7 * DAY), ..good },
            Parameters { settle_grace: Seconds(4), ..good },
            Parameters { settle_grace: Seconds(DAY + 1), ..good },
            Parameters { preemption_notice: Seconds(4), ..good },
            Parameters { preemption_notice: Seconds(DAY + 1), ..good },
            Parameters { reveal_window: Seconds(4), ..good },
            Parameters { reveal_window: Seconds(DAY + 1), ..good },
            Parameters { decide_window: Seconds(59), ..good },
            Parameters { decide_window: Seconds(30 * DAY + 1), ..good },
            Parameters { unbonding: Seconds(59), ..good },
            Parameters { unbonding: Seconds(30 * DAY + 1), ..good },
            Parameters { payout_delay: Seconds(59), ..good },
            Parameters { payout_delay: Seconds(30 * DAY + 1), ..good },
            Parameters { hold_limit: Seconds(900), ..good },
            Parameters { hold_limit: Seconds(7 * DAY + 1), ..good },
        ] {
            assert_eq!(bad.check(), Err(Error::ParameterOutOfBounds), "{bad:?}");
        }
    }

    #[test]
    fn each_bound_admits_its_last_value_inside() {
        let good = Parameters::default();
        for inside in [
            Parameters { fee: BasisPoints(1_500), ..good },
            Parameters { bond_hours: 720, ..good },
            Parameters { minimum_bond: [MicroUsdc(100_000_000_000); TIERS], ..good },
            Parameters { minimum_bond: [MicroUsdc(1); TIERS], ..good },
            Parameters { minimum_dispute_bond: MicroUsdc(1_000_000_000), ..good },
            Parameters { abandon_penalty: BasisPoints(10_000), ..good },
            Parameters { start_timeout: Seconds(5), ..good },
            Parameters { checkpoint_interval: Seconds(DAY), hold_limit: Seconds(DAY + 1), ..good },
            Parameters { decide_window: Seconds(60), ..good },
            Parameters { unbonding: Seconds(30 * DAY), ..good },
            Parameters { hold_limit: Seconds(7 * DAY), ..good },
        ] {
            assert_eq!(inside.check(), Ok(()), "{inside:?}");
        }
    }
}
