use crate::quorum::MEMBERS;
use crate::{BasisPoints, Error};

/// When the provider is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum Payment {
    /// As vouchers are redeemed.
    #[default]
    Streaming = 0,
    /// When the lease is settled; until then the pay accrues in the job's vault.
    OnResult = 1,
}

impl TryFrom<u8> for Payment {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::Streaming),
            1 => Ok(Self::OnResult),
            _ => Err(Error::TermsInvalid),
        }
    }
}

/// What a node's hardware has been shown to be; a higher class includes the lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum HardwareClass {
    /// The owner's word.
    #[default]
    Claimed = 0,
    /// Answered the network's GPU challenge.
    Challenged = 1,
    /// Attested by a trusted execution environment.
    Enclave = 2,
}

impl TryFrom<u8> for HardwareClass {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::Claimed),
            1 => Ok(Self::Challenged),
            2 => Ok(Self::Enclave),
            _ => Err(Error::TermsInvalid),
        }
    }
}

/// How a job's results are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Verification {
    /// Metering and result root by the attestor, and a window for disputes.
    #[default]
    Attested,
    /// The scheduler runs a share of the tasks again on another provider's node, and may dispute.
    SpotCheck { share: BasisPoints },
    /// `size` leases on different providers; `needed` equal roots win.
    Quorum { needed: u8, size: u8 },
    /// Only nodes whose hardware attestation is valid and names at least this class.
    AttestedHardware { class: HardwareClass },
}

impl Verification {
    /// # Errors
    /// [`Error::TermsInvalid`] for a share of nothing or over the whole, a quorum that is no majority
    /// or has more than [`MEMBERS`] members, an attestation of nothing.
    pub fn check(self) -> Result<(), Error> {
        let valid = match self {
            Self::Attested => true,
            Self::SpotCheck { share } => share > BasisPoints::ZERO && share <= BasisPoints::WHOLE,
            Self::Quorum { needed, size } => {
                needed >= 2 && needed <= size && usize::from(size) <= MEMBERS && 2 * u16::from(needed) > u16::from(size)
            }
            Self::AttestedHardware { class } => class > HardwareClass::Claimed,
        };
        if valid { Ok(()) } else { Err(Error::TermsInvalid) }
    }

    /// Whether results are compared between leases.
    pub fn is_quorum(self) -> bool {
        matches!(self, Self::Quorum { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_has_its_bounds() {
        let quorum = |needed, size| Verification::Quorum { needed, size };
        let spot = |share| Verification::SpotCheck { share: BasisPoints(share) };
        for good in [Verification::Attested, spot(1), spot(10_000), quorum(2, 2), quorum(2, 3), quorum(4, 7)] {
            assert_eq!(good.check(), Ok(()), "{good:?}");
        }
        let claimed = Verification::AttestedHardware { class: HardwareClass::Claimed };
        for bad in [spot(0), spot(10_001), quorum(1, 1), quorum(2, 4), quorum(3, 2), quorum(5, 8), claimed] {
            assert_eq!(bad.check(), Err(Error::TermsInvalid), "{bad:?}");
        }
        assert_eq!(Verification::AttestedHardware { class: HardwareClass::Enclave }.check(), Ok(()));
    }

    #[test]
    fn numbers_read_back() {
        for (number, payment) in [Payment::Streaming, Payment::OnResult].into_iter().enumerate() {
            assert_eq!(Payment::try_from(number as u8), Ok(payment));
        }
        assert_eq!(Payment::try_from(2), Err(Error::TermsInvalid));
        let classes = [HardwareClass::Claimed, HardwareClass::Challenged, HardwareClass::Enclave];
        for (number, class) in classes.into_iter().enumerate() {
            assert_eq!(HardwareClass::try_from(number as u8), Ok(class));
        }
        assert_eq!(HardwareClass::try_from(3), Err(Error::TermsInvalid));
    }
}
