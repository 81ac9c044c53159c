//! All arithmetic on money. Integers only, through `u128`, rounding down: dust stays with the buyer.

use crate::{BasisPoints, Error, GpuUnits, MicroUsdc, PricePerGpuHour, Seconds};

/// Fees never pass 15 %, whatever the configuration says.
pub const MAXIMUM_FEE: BasisPoints = BasisPoints(1_500);

/// `floor(price · units · seconds / 3600)`.
///
/// # Errors
/// [`Error::Overflow`] when the result does not fit 64 bits.
pub fn cost(price: PricePerGpuHour, units: GpuUnits, seconds: Seconds) -> Result<MicroUsdc, Error> {
    let product = u128::from(price.0)
        .checked_mul(u128::from(units.0))
        .and_then(|per_hour| per_hour.checked_mul(u128::from(seconds.0)))
        .ok_or(Error::Overflow)?;
    u64::try_from(product / 3_600).map(MicroUsdc).map_err(|_| Error::Overflow)
}

/// `floor(amount · share / 10 000)`.
///
/// # Errors
/// [`Error::ParameterOutOfBounds`] for a share over the whole.
pub fn share(amount: MicroUsdc, share: BasisPoints) -> Result<MicroUsdc, Error> {
    if share > BasisPoints::WHOLE {
        return Err(Error::ParameterOutOfBounds);
    }
    let part = u128::from(amount.0) * u128::from(share.0) / u128::from(BasisPoints::WHOLE.0);
    u64::try_from(part).map(MicroUsdc).map_err(|_| Error::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_hour_costs_the_price() {
        let price = PricePerGpuHour(2_500_000);
        assert_eq!(cost(price, GpuUnits(1), Seconds(3_600)), Ok(MicroUsdc(2_500_000)));
        assert_eq!(cost(price, GpuUnits(8), Seconds(3_600)), Ok(MicroUsdc(20_000_000)));
        assert_eq!(cost(price, GpuUnits(1), Seconds(1)), Ok(MicroUsdc(694)));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(cost(PricePerGpuHour::MAX, GpuUnits(2), Seconds(3_600)), Err(Error::Overflow));
        assert_eq!(cost(PricePerGpuHour::MAX, GpuUnits::MAX, Seconds::MAX), Err(Error::Overflow));
        assert_eq!(share(MicroUsdc(1), BasisPoints(10_001)), Err(Error::ParameterOutOfBounds));
    }

    proptest! {
        #[test]
        fn metering_in_steps_never_costs_more_than_at_once(
            price in 0u64..1_000_000_000, units in 1u16..64, a in 0u64..1_000_000, b in 0u64..1_000_000,
        ) {
            let (price, units) = (PricePerGpuHour(price), GpuUnits(units));
            let whole = cost(price, units, Seconds(a + b)).unwrap();
            let parts = cost(price, units, Seconds(a)).unwrap().plus(cost(price, units, Seconds(b)).unwrap()).unwrap();
            prop_assert!(parts <= whole);
            prop_assert!(whole.0 - parts.0 <= 1);
        }

        #[test]
        fn a_share_never_passes_the_amount(amount in any::<u64>(), bps in 0u16..=10_000) {
            prop_assert!(share(MicroUsdc(amount), BasisPoints(bps)).unwrap() <= MicroUsdc(amount));
        }
    }
}
