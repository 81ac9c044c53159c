//! What a node signs when it bids in a sealed auction for one lease.

use std::fmt;
use std::str::FromStr;

use millrace_protocol::{Address, PricePerGpuHour, UnixSeconds};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Keeps a bid's signature from passing for one of another kind, and another kind's for a bid's.
const DOMAIN: &[u8] = b"millrace bid v1";

/// A node's bid: it takes one lease of the job at this price, until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bid {
    pub program: Address,
    pub job: Address,
    /// Of the job's account: tells apart the jobs a buyer opens one after the other under the same id.
    pub opened_slot: u64,
    /// The auction's number within the job.
    pub auction: u32,
    pub node: Address,
    /// In micro-USDC per GPU-hour.
    pub price: PricePerGpuHour,
    pub valid_until: UnixSeconds,
}

impl Bid {
    /// What the node's key signs: `"millrace bid v1" ‖ program ‖ job ‖ opened slot u64 ‖ auction u32 ‖ node ‖
    /// price u64 ‖ valid until u64`, little endian.
    pub fn message(&self) -> Vec<u8> {
        [
            DOMAIN,
            &self.program.0,
            &self.job.0,
            &self.opened_slot.to_le_bytes(),
            &self.auction.to_le_bytes(),
            &self.node.0,
            &self.price.0.to_le_bytes(),
            &self.valid_until.0.to_le_bytes(),
        ]
        .concat()
    }
}

/// A bid with the ed25519 signature of the node's key over [`Bid::message`], which whoever gets it has to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBid {
    pub bid: Bid,
    pub signature: BidSignature,
}

/// An ed25519 signature; hex in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BidSignature(pub [u8; 64]);

impl fmt::Display for BidSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BidSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BidSignature {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let mut bytes = [0; 64];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl Serialize for BidSignature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BidSignature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BID: Bid = Bid {
        program: Address([1; 32]),
        job: Address([2; 32]),
        opened_slot: 3,
        auction: 4,
        node: Address([5; 32]),
        price: PricePerGpuHour(6),
        valid_until: UnixSeconds(7),
    };

    #[test]
    fn every_field_is_signed() {
        let other = Address([9; 32]);
        let altered = [
            Bid { program: other, ..BID },
            Bid { job: other, ..BID },
            Bid { opened_slot: 9, ..BID },
            Bid { auction: 9, ..BID },
            Bid { node: other, ..BID },
            Bid { price: PricePerGpuHour(9), ..BID },
            Bid { valid_until: UnixSeconds(9), ..BID },
        ];
        assert_eq!(BID.message().len(), DOMAIN.len() + 3 * 32 + 8 + 4 + 8 + 8);
        assert!(BID.message().starts_with(DOMAIN));
        for bid in altered {
            assert_ne!(bid.message(), BID.message(), "{bid:?}");
        }
    }

    #[test]
    fn a_signed_bid_is_read_as_it_was_written() {
        let signed = SignedBid { bid: BID, signature: BidSignature([0xab; 64]) };
        let text = serde_json::to_string(&signed).unwrap();
        assert!(text.contains(&"ab".repeat(64)), "{text}");
        assert_eq!(serde_json::from_str::<SignedBid>(&text).unwrap(), signed);
        assert!("ab".repeat(63).parse::<BidSignature>().is_err());
    }
}
