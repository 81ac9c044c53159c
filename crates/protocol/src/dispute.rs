use crate::{Error, MicroUsdc, UnixSeconds};

/// A challenge of a reported lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dispute {
    /// The challenger's, in the job's vault.
    pub bond: MicroUsdc,
    pub opened_at: UnixSeconds,
    /// From then on nobody's ruling counts, and anyone may settle the lease as reported.
    pub decide_by: UnixSeconds,
}

/// The only outcomes the arbiter may choose between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum Ruling {
    /// Settled as reported; the challenger's bond goes to the provider.
    ProviderRight = 0,
    /// What was not paid stays with the buyer, the provider's bond is forfeit, the challenger's returns.
    BuyerRight = 1,
    /// Half of what was not paid yet is paid; both bonds return.
    Split = 2,
}

impl TryFrom<u8> for Ruling {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::ProviderRight),
            1 => Ok(Self::BuyerRight),
            2 => Ok(Self::Split),
            _ => Err(Error::RulingUnknown),
        }
    }
}
