use arbitrary::Arbitrary;

/// Some part of what there is, or any number.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Amount {
    All,
    /// Sixteenths; seventeen are more than there is.
    Part(u8),
    Small(u16),
    Any(u64),
}

impl Amount {
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Self::All => whole,
            Self::Part(part) => u64::try_from(u128::from(whole) * u128::from(part % 18) / 16).unwrap_or(u64::MAX),
            Self::Small(amount) => amount.into(),
            Self::Any(amount) => amount,
        }
    }
}
