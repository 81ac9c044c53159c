use std::fmt;

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
        pub struct $name(pub $inner);

        impl $name {
            pub const ZERO: Self = Self(0);
            pub const MAX: Self = Self(<$inner>::MAX);

            /// The sum, or [`crate::Error::Overflow`].
            pub fn plus(self, other: Self) -> Result<Self, crate::Error> {
                self.0.checked_add(other.0).map(Self).ok_or(crate::Error::Overflow)
            }

            /// The difference, or [`crate::Error::Overflow`] when it would fall below zero.
            pub fn minus(self, other: Self) -> Result<Self, crate::Error> {
                self.0.checked_sub(other.0).map(Self).ok_or(crate::Error::Overflow)
            }

            /// The difference, or zero.
            pub fn saturating_minus(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }
    };
}

unit! {
    /// An amount of money in millionths of a USDC.
    MicroUsdc(u64)
}
unit! {
    /// A price in micro-USDC per GPU and hour. A node without a GPU sells one unit.
    PricePerGpuHour(u64)
}
unit! {
    /// A duration in seconds.
    Seconds(u64)
}
unit! {
    /// A moment in seconds since 1970 UTC, as the Clock sysvar tells it.
    UnixSeconds(u64)
}
unit! {
    /// A share in hundredths of a percent: 10 000 is the whole.
    BasisPoints(u16)
}
unit! {
    /// A number of GPUs; one for a node without any.
    GpuUnits(u16)
}

impl UnixSeconds {
    /// The moment `duration` later, or [`crate::Error::Overflow`].
    pub fn after(self, duration: Seconds) -> Result<Self, crate::Error> {
        self.plus(Self(duration.0))
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    pub fn since(self, earlier: Self) -> Seconds {
        Seconds(self.0.saturating_sub(earlier.0))
    }
}

impl BasisPoints {
    pub const WHOLE: Self = Self(10_000);
}

impl fmt::Display for MicroUsdc {
    /// `12.345678 USDC`, always six decimals, so that columns align and nothing is rounded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06} USDC", self.0 / 1_000_000, self.0 % 1_000_000);
        f.pad(&text)
    }
}

impl fmt::Display for PricePerGpuHour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06} USDC/GPU-hour", self.0 / 1_000_000, self.0 % 1_000_000);
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn sums_and_differences_are_checked() {
        assert_eq!(MicroUsdc::MAX.plus(MicroUsdc(1)), Err(Error::Overflow));
        assert_eq!(MicroUsdc(1).minus(MicroUsdc(2)), Err(Error::Overflow));
        assert_eq!(UnixSeconds::MAX.after(Seconds(1)), Err(Error::Overflow));
        assert_eq!(UnixSeconds(5).since(UnixSeconds(9)), Seconds::ZERO);
    }

    #[test]
    fn money_shows_six_decimals() {
        assert_eq!(MicroUsdc(1).to_string(), "0.000001 USDC");
        assert_eq!(MicroUsdc(12_500_000).to_string(), "12.500000 USDC");
        assert_eq!(PricePerGpuHour(2_000_001).to_string(), "2.000001 USDC/GPU-hour");
    }
}
