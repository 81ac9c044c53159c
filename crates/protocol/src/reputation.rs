use crate::{BasisPoints, Error, MicroUsdc, Seconds, UnixSeconds};

/// After this long a past lease counts half.
pub const HALF_LIFE: Seconds = Seconds(30 * 86_400);

/// Weights fade by whole hours. What is left of an hour counts with the next one, so that nobody keeps a
/// weight from fading by booking leases faster than it loses a micro-USDC.
const HOUR: u64 = 3_600;

/// Hours in a half-life.
const HOURS: u64 = HALF_LIFE.0 / HOUR;

/// `floor(2^64 · 2^(-2^k / 720))` for `k` of 0 to 9: what is left after 1, 2, 4 … 512 hours of the 720 in a
/// half-life.
const LEFT_AFTER: [u64; 10] = [
    0xffc0_f045_a905_2511,
    0xff81_f014_10b8_776f,
    0xff04_1e3b_cead_f8c4,
    0xfe09_344c_1b2f_1d70,
    0xfc16_441b_bdfa_6965,
    0xf83b_d806_64e8_6678,
    0xf0b4_0089_acbf_941a,
    0xe251_ff92_e582_6d24,
    0xc814_e183_1755_7ec1,
    0x9c60_a210_d798_ed8f,
];

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
    /// Up to when the weights have faded; within an hour of the last record.
    pub updated_at: UnixSeconds,
}

/// Fades `weight` by `2^(-hours / 720)`: halved for each whole half-life, and for the rest by one factor per
/// binary digit of the hours. Each rounds down, so that the result is at most 11 micro-USDC too low.
fn faded(weight: MicroUsdc, hours: u64) -> MicroUsdc {
    let halvings = u32::try_from(hours / HOURS).unwrap_or(u32::MAX);
    let halved = weight.0.checked_shr(halvings).unwrap_or(0);
    let rest = hours % HOURS;
    let left =
        LEFT_AFTER.iter().enumerate().filter(|(digit, _)| rest >> digit & 1 == 1).fold(halved, |left, (_, factor)| {
            // The upper half of a product of two 64-bit numbers fits 64 bits.
            ((u128::from(left) * u128::from(*factor)) >> 64) as u64
        });
    MicroUsdc(left)
}

impl Reputation {
    /// The weights as they are at `now`.
    pub fn at(&self, now: UnixSeconds) -> Self {
        let hours = now.since(self.updated_at).0 / HOUR;
        Self {
            good: faded(self.good, hours),
            bad: faded(self.bad, hours),
            updated_at: UnixSeconds(self.updated_at.0 + hours * HOUR),
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
        let just_before = reputation(1_000_000_000, 0).at(UnixSeconds(HALF_LIFE.0 - 1)).good;
        assert!((500_481_000..500_482_000).contains(&just_before.0), "719 hours: {just_before}");
        assert_eq!(reputation(u64::MAX, 0).at(UnixSeconds(u64::MAX)).good, MicroUsdc(0));
    }

    #[test]
    fn every_part_of_a_half_life_is_on_the_curve() {
        for hours in 0..HOURS {
            let left = faded(MicroUsdc(1 << 52), hours).0 as f64 / (1u64 << 52) as f64;
            let exact = (-(hours as f64) / HOURS as f64).exp2();
            assert!((exact - left).abs() < 1e-14, "{hours} hours: {left} is not {exact}");
        }
    }

    #[test]
    fn booking_often_keeps_nothing_from_fading() {
        let mut busy = reputation(1_000_000, 500_000);
        for second in 1..=HALF_LIFE.0 / 60 {
            busy.record(MicroUsdc(0), MicroUsdc(0), UnixSeconds(60 * second)).unwrap();
        }
        assert!((499_000..=500_000).contains(&busy.good.0), "{busy:?}");
        assert!((249_000..=250_000).contains(&busy.bad.0), "{busy:?}");
    }

    #[test]
    fn the_clock_of_the_weights_never_passes_the_present_nor_runs_back() {
        let mut reputation = Reputation { updated_at: UnixSeconds(HOUR), ..reputation(8, 0) };
        reputation.record(MicroUsdc(1), MicroUsdc(0), UnixSeconds(10)).unwrap();
        assert_eq!((reputation.good, reputation.updated_at), (MicroUsdc(9), UnixSeconds(HOUR)));
        reputation.record(MicroUsdc(1), MicroUsdc(0), UnixSeconds(2 * HOUR + 1)).unwrap();
        assert_eq!(reputation.updated_at, UnixSeconds(2 * HOUR));
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
        fn weights_only_fade_and_as_much_in_steps_as_at_once(weight in any::<u64>(), a in 0u64..1 << 24, b in 0u64..1 << 24) {
            let once = reputation(weight, 0).at(UnixSeconds(a + b)).good;
            let first = reputation(weight, 0).at(UnixSeconds(a));
            prop_assert!(once <= first.good && first.good <= MicroUsdc(weight));
            // Eleven roundings down on each way, and factors that are right to the last of 64 digits.
            prop_assert!(first.at(UnixSeconds(a + b)).good.0.abs_diff(once.0) <= 64);
        }
    }
}
