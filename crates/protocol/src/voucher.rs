//! Vouchers: the attestor's signed, cumulative word on how long a lease has run.

use crate::{Address, Error, Seconds};

/// First bytes of every voucher, so that its signature can serve no other purpose.
pub const DOMAIN: &[u8] = b"millrace voucher v1";

/// Length of an encoded voucher in bytes.
pub const LENGTH: usize = DOMAIN.len() + 32 + 32 + 8 + 8 + 8 + 1 + 1 + 32;

/// How a lease ended, in the attestor's word. Only a final voucher's class counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum ExitClass {
    /// The job needs nothing more from this lease.
    #[default]
    Completed = 0,
    /// The buyer's container failed for good; the time it took is owed.
    Failed = 1,
    /// The lease is over, the job goes on elsewhere.
    Released = 2,
    /// The node gave up: no disk, no image, no GPU. Counts as a failed attempt.
    NodeFault = 3,
}

impl TryFrom<u8> for ExitClass {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::Completed),
            1 => Ok(Self::Failed),
            2 => Ok(Self::Released),
            3 => Ok(Self::NodeFault),
            _ => Err(Error::VoucherMalformed),
        }
    }
}

/// Cumulative, so that only the latest matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Voucher {
    pub program: Address,
    pub lease: Address,
    /// Strictly grows, from 1.
    pub sequence: u64,
    /// Attested running time since the lease was opened.
    pub metered: Seconds,
    /// Time in which the node should have run and did not.
    pub downtime: Seconds,
    /// No voucher follows: the lease ends with this one.
    pub is_final: bool,
    pub exit_class: ExitClass,
    /// Merkle root over the lease's outputs; zeros before the final voucher.
    pub result_root: [u8; 32],
}

impl Voucher {
    /// The bytes the attestor signs; integers are little endian.
    pub fn encode(&self) -> [u8; LENGTH] {
        let parts: [&[u8]; 9] = [
            DOMAIN,
            &self.program.0,
            &self.lease.0,
            &self.sequence.to_le_bytes(),
            &self.metered.0.to_le_bytes(),
            &self.downtime.0.to_le_bytes(),
            &[u8::from(self.is_final)],
            &[self.exit_class as u8],
            &self.result_root,
        ];
        let mut bytes = [0; LENGTH];
        let mut rest = bytes.as_mut_slice();
        for part in parts {
            let (head, tail) = rest.split_at_mut(part.len());
            head.copy_from_slice(part);
            rest = tail;
        }
        bytes
    }

    /// The only reading of the bytes: whatever is decoded encodes to the same bytes.
    ///
    /// # Errors
    /// [`Error::VoucherMalformed`] for another length or domain, a flag that is neither 0 nor 1,
    /// or an unknown exit class.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let bytes: &[u8; LENGTH] = bytes.try_into().map_err(|_| Error::VoucherMalformed)?;
        let mut rest = bytes.as_slice();
        let mut take = |length: usize| {
            let (head, tail) = rest.split_at(length);
            rest = tail;
            head
        };
        if take(DOMAIN.len()) != DOMAIN {
            return Err(Error::VoucherMalformed);
        }
        let key = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| Error::VoucherMalformed);
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).map_err(|_| Error::VoucherMalformed);
        let program = Address(key(take(32))?);
        let lease = Address(key(take(32))?);
        let sequence = number(take(8))?;
        let metered = Seconds(number(take(8))?);
        let downtime = Seconds(number(take(8))?);
        let is_final = match take(1) {
            [0] => false,
            [1] => true,
            _ => return Err(Error::VoucherMalformed),
        };
        let exit_class = ExitClass::try_from(take(1)[0])?;
        let result_root = key(take(32))?;
        Ok(Self { program, lease, sequence, metered, downtime, is_final, exit_class, result_root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn voucher() -> Voucher {
        Voucher {
            program: Address([1; 32]),
            lease: Address([2; 32]),
            sequence: 3,
            metered: Seconds(4),
            downtime: Seconds(5),
            is_final: true,
            exit_class: ExitClass::Released,
            result_root: [6; 32],
        }
    }

    #[test]
    fn bytes_are_laid_out_as_documented() {
        let bytes = voucher().encode();
        assert_eq!(bytes.len(), 141);
        assert_eq!(&bytes[..19], b"millrace voucher v1");
        assert_eq!(&bytes[19..51], &[1; 32]);
        assert_eq!(&bytes[51..83], &[2; 32]);
        assert_eq!(&bytes[83..91], &3u64.to_le_bytes());
        assert_eq!(&bytes[91..99], &4u64.to_le_bytes());
        assert_eq!(&bytes[99..107], &5u64.to_le_bytes());
        assert_eq!(&bytes[107..109], &[1, 2]);
        assert_eq!(&bytes[109..], &[6; 32]);
        assert_eq!(Voucher::decode(&bytes), Ok(voucher()));
    }

    #[test]
    fn other_lengths_domains_flags_and_classes_are_refused() {
        let good = voucher().encode();
        assert_eq!(Voucher::decode(&good[1..]), Err(Error::VoucherMalformed));
        assert_eq!(Voucher::decode(&[good.as_slice(), &[0]].concat()), Err(Error::VoucherMalformed));
        for (position, value) in [(0, b'M'), (107, 2), (108, 4)] {
            let mut bad = good;
            bad[position] = value;
            assert_eq!(Voucher::decode(&bad), Err(Error::VoucherMalformed), "byte {position}");
        }
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_bytes(mut tail in proptest::collection::vec(any::<u8>(), LENGTH - 19), is_final in 0u8..3, class in 0u8..6) {
            tail[88] = is_final;
            tail[89] = class;
            let bytes = [DOMAIN, &tail].concat();
            match Voucher::decode(&bytes) {
                Ok(voucher) => prop_assert_eq!(voucher.encode().to_vec(), bytes),
                Err(error) => {
                    prop_assert_eq!(error, Error::VoucherMalformed);
                    prop_assert!(is_final > 1 || class > 3);
                }
            }
        }
    }
}
