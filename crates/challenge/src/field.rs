//! Integers modulo the Mersenne prime 2^31 − 1: a product fits 62 bits, and reduction needs no division.

/// 2^31 − 1, a prime: a nonzero row times a vector of [`from_bits`] is zero with a chance of at most 2^-30.
pub const MODULUS: u32 = (1 << 31) - 1;

/// How many products of two canonical values an accumulator takes between two [`fold`]s:
/// 4 · (2^31 − 2)^2 + 2^33 + 2^31 < 2^64.
pub const PRODUCTS: usize = 4;

/// The canonical value of 32 random bits; 0 is twice as likely as any other value, by 2^-31.
pub const fn from_bits(bits: u32) -> u32 {
    let low = bits & MODULUS;
    if low == MODULUS { 0 } else { low }
}

/// The same value modulo [`MODULUS`], below 2^33 + 2^31.
pub const fn fold(wide: u64) -> u64 {
    (wide & MODULUS as u64) + (wide >> 31)
}

/// The canonical value.
pub const fn reduce(wide: u64) -> u32 {
    // After two folds below 2^31 + 4: one subtraction is left at most.
    let folded = fold(fold(wide));
    let modulus = MODULUS as u64;
    (if folded >= modulus { folded - modulus } else { folded }) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduction_is_the_remainder() {
        let modulus = u64::from(MODULUS);
        let near = [0, 1, modulus - 1, modulus, modulus + 1, 2 * modulus, modulus * modulus, u64::MAX - 1, u64::MAX];
        for wide in near {
            assert_eq!(u64::from(reduce(wide)), wide % modulus, "{wide}");
        }
    }

    #[test]
    fn an_accumulator_takes_as_many_products_as_stated() {
        let (largest, folded) = (u128::from(MODULUS - 1), (1u128 << 33) + (1 << 31));
        assert!(largest * largest * PRODUCTS as u128 + folded < 1 << 64);
        assert!(u128::from(fold(u64::MAX)) < folded);
    }

    #[test]
    fn random_bits_become_canonical() {
        assert_eq!([0, MODULUS - 1, MODULUS, u32::MAX, 1 << 31].map(from_bits), [0, MODULUS - 1, 0, 0, 0]);
    }
}
