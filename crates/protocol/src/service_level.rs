use crate::{BasisPoints, Error, Seconds};

/// How much downtime a job puts up with before the node's bond pays for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum ServiceLevel {
    #[default]
    None = 0,
    /// 99 % of the time.
    Silver = 1,
    /// 99.9 % of the time.
    Gold = 2,
}

impl TryFrom<u8> for ServiceLevel {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::None),
            1 => Ok(Self::Silver),
            2 => Ok(Self::Gold),
            _ => Err(Error::InvariantBroken),
        }
    }
}

impl ServiceLevel {
    /// The credit as a share of the lease's cost: 10, 30 or 100 % past downtime of 1, 5, 10 % (silver) or
    /// 0.1, 1, 10 % (gold). Steps as cloud providers have them in their agreements. A late start alone is
    /// worth the first step.
    pub fn credit(self, metered: Seconds, downtime: Seconds, started_late: bool) -> BasisPoints {
        let steps: [u128; 3] = match self {
            Self::None => return BasisPoints::ZERO,
            Self::Silver => [100, 500, 1_000],
            Self::Gold => [10, 100, 1_000],
        };
        let whole = u128::from(metered.0) + u128::from(downtime.0);
        let over = |step: u128| u128::from(downtime.0) * u128::from(BasisPoints::WHOLE.0) > step * whole;
        match steps.map(over) {
            [_, _, true] => BasisPoints(10_000),
            [_, true, _] => BasisPoints(3_000),
            [true, ..] => BasisPoints(1_000),
            _ if started_late => BasisPoints(1_000),
            _ => BasisPoints::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_step_up_just_past_each_allowance() {
        let credit =
            |level: ServiceLevel, downtime: u64| level.credit(Seconds(10_000 - downtime), Seconds(downtime), false).0;
        for (level, steps) in [(ServiceLevel::Silver, [100, 500, 1_000]), (ServiceLevel::Gold, [10, 100, 1_000])] {
            assert_eq!(credit(level, 0), 0);
            for (step, (below, above)) in steps.into_iter().zip([(0, 1_000), (1_000, 3_000), (3_000, 10_000)]) {
                assert_eq!(credit(level, step), below, "{level:?} at {step}");
                assert_eq!(credit(level, step + 1), above, "{level:?} past {step}");
            }
        }
        assert_eq!(credit(ServiceLevel::None, 10_000), 0);
    }

    #[test]
    fn a_late_start_is_the_first_step_and_adds_nothing_to_a_higher_one() {
        assert_eq!(ServiceLevel::Gold.credit(Seconds(100), Seconds(0), true), BasisPoints(1_000));
        assert_eq!(ServiceLevel::Gold.credit(Seconds(0), Seconds(0), true), BasisPoints(1_000));
        assert_eq!(ServiceLevel::Silver.credit(Seconds(50), Seconds(50), true), BasisPoints(10_000));
        assert_eq!(ServiceLevel::None.credit(Seconds(50), Seconds(50), true), BasisPoints(0));
    }

    #[test]
    fn numbers_read_back() {
        for (number, level) in [ServiceLevel::None, ServiceLevel::Silver, ServiceLevel::Gold].into_iter().enumerate() {
            assert_eq!(ServiceLevel::try_from(number as u8), Ok(level));
        }
        assert_eq!(ServiceLevel::try_from(3), Err(Error::InvariantBroken));
    }
}
