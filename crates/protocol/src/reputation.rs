use crate::{BasisPoints, Error, MicroUsdc, Seconds, UnixSeconds};

/// After this long a past lease counts half.
pub const HALF_LIFE: Seconds = Seconds(30 * 86_400);

/// What every provider has in its favour before its first lease, and what fades a bad start: one USDC of
/// fees. A newcomer scores 10 000.
pub const PRIOR: MicroUsdc = MicroUsdc(1_000_000);

/// Good and bad weight of a provider's settled leases, in micro-USDC of fees. A lease weighs at most the
/// fee it paid, so that leasing one's own rig to raise the score costs what the score is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reputation {
    pub good: MicroUsdc,
    pub bad: MicroUsdc,
    /// When the weights were last faded.
    pub updated_at: UnixSeconds,
}

/// Fades `weight` by `2^(-age / HALF_LIFE)`: halved for each whole half-life, and between two of them
/// along the straight line, which is at most 6.2 % above the curve and needs no fractions.
fn faded(weight: MicroUsdc, age: Seconds) -> MicroUsdc {
    let halvings = u32::try_from(age.0 / HALF_LIFE.0).unwrap_or(u32::MAX);
    let halved = weight.0.checked_shr(halvings).unwrap_or(0);
    let rest = u128::from(age.0 % HALF_LIFE.0);
    let lost = u128::from(halved) * rest / (2 * u128::from(HALF_LIFE.0));
    MicroUsdc(halved.saturating_sub(u64::try_from(lost).unwrap_or(halved)))
}

impl Reputation {
    /// The weights as they are at `now`.
    pub fn at(&self, now: UnixSeconds) -> Self {
        let age = now.since(self.updated_at);
        Self {
            good: faded(self.good, age),
            bad: faded(self.bad, age),
            updated_at: UnixSeconds(now.0.max(self.updated_at.0)),
        }
    }

    /// `floor(10 000 · (good + PRIOR) / (good + bad + PRIOR))`.
    pub fn score(&self, now: UnixSeconds) -> BasisPoints {
        let faded = self.at(now);
        let good = u128::from(faded.good.0) + u128::from(PRIOR.0);
        let all = good + u128::from(faded.bad.0);
        let score = good * u128::from(BasisPoints::WHOLE.0) / all;
        BasisPoints(u16::try_from(score).unwrap_or(BasisPoints::WHOLE.0))
    }

    /// Books one settled lease.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn record(&mut self, good: MicroUsdc, bad: MicroUsdc, now: UnixSeconds) -> Result<(), Error> {
        let mut after = self.at(now);
        after.good = after.good.plus(good)?;
        after.bad = after.bad.plus(bad)?;
        *self = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reputation(good: u64, bad: u64) -> Reputation {
        Reputation { good: MicroUsdc(good), bad: MicroUsdc(bad), updated_at: UnixSeconds(0) }
    }

    #[test]
    fn a_newcomer_is_trusted_and_one_bad_lease_weighs_by_its_fee() {
        assert_eq!(Reputation::default().score(UnixSeconds(0)), BasisPoints(10_000));
        assert_eq!(reputation(0, 1_000_000).score(UnixSeconds(0)), BasisPoints(5_000));
        assert_eq!(reputation(3_000_000, 1_000_000).score(UnixSeconds(0)), BasisPoints(8_000));
    }

    #[test]
    fn weights_halve_in_thirty_days() {
        let later = reputation(1_000, 600).at(UnixSeconds(HALF_LIFE.0));
        assert_eq!((later.good, later.bad), (MicroUsdc(500), MicroUsdc(300)));
        assert_eq!(reputation(1_000, 0).at(UnixSeconds(HALF_LIFE.0 / 2)).good, MicroUsdc(750));
        assert_eq!(reputation(u64::MAX, 0).at(UnixSeconds(u64::MAX)).good, MicroUsdc(0));
    }

    #[test]
    fn a_record_fades_what_was_before() {
        let mut reputation = reputation(1_000, 0);
        reputation.record(MicroUsdc(5), MicroUsdc(7), UnixSeconds(HALF_LIFE.0)).unwrap();
        assert_eq!((reputation.good, reputation.bad), (MicroUsdc(505), MicroUsdc(7)));
        assert_eq!(reputation.updated_at, UnixSeconds(HALF_LIFE.0));
    }

    proptest! {
        #[test]
        fn weights_only_fade_and_never_faster_in_steps(weight in any::<u64>(), a in 0u64..1 << 32, b in 0u64..1 << 32) {
            let once = reputation(weight, 0).at(UnixSeconds(a + b)).good;
            prop_assert!(once <= MicroUsdc(weight));
            prop_assert!(reputation(weight, 0).at(UnixSeconds(a)).good >= once);
        }
    }
}
