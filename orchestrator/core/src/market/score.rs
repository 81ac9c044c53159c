use millrace_protocol::{BasisPoints, PricePerGpuHour};
use serde::{Deserialize, Serialize};

/// What a placement is charged beside its price. Every charge is in micro-USDC per GPU-hour: as if the
/// node asked for so much more. The node with the lowest sum wins, the lowest address among equals.
///
/// Charges that depend on the lease are absolute and the same for every node in a pool of the index;
/// those that depend on the node alone are shares of its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// Charged, as a share of the price, for a provider with a reputation of zero; in proportion for what
    /// others lack to 10 000.
    pub reputation: BasisPoints,
    /// Charged, as a share of the price, for a link that moves nothing; falls linearly to nothing at
    /// [`Weights::fast_link`]. A link that was never measured counts as fast.
    pub link: BasisPoints,
    /// KiB per second from which on a faster link is worth nothing more.
    pub fast_link: u32,
    /// Charged where the node would have to pull the image first.
    pub image: PricePerGpuHour,
    /// Charged for each GPU that a lease would leave idle in a rig that nobody has leased a part of yet.
    pub packing: PricePerGpuHour,
    /// Charged for each size of request, of 1, 2, 4, 8 or 16 GPUs, that no node of the models and regions which the
    /// lease accepts could take beside it any more; an m-th of it where two to four nodes could, and no gang of that
    /// many any more.
    pub scarcity: PricePerGpuHour,
}

impl Default for Weights {
    /// A fifth of the price for a reputation lost, a twentieth for a link that moves nothing (fast is
    /// 12.5 MB/s, a 100 Mbit line), half a cent for a pull, a fifth of a cent for each GPU set apart, thirty
    /// cents for the last place of a size.
    fn default() -> Self {
        Self {
            reputation: BasisPoints(2_000),
            link: BasisPoints(500),
            fast_link: 12_207,
            image: PricePerGpuHour(5_000),
            packing: PricePerGpuHour(2_000),
            scarcity: PricePerGpuHour(300_000),
        }
    }
}

/// A placement's score, part by part, in micro-USDC per GPU-hour. Less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Score {
    pub price: u64,
    pub reputation: u64,
    pub link: u64,
    pub image: u64,
    pub packing: u64,
    #[serde(default)]
    pub scarcity: u64,
}

/// What is known of a node beside its price that a lease on it is charged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Of its provider.
    pub reputation: BasisPoints,
    /// What its link moves, in KiB per second; none where it was never measured.
    pub link: Option<u32>,
    pub image_present: bool,
    /// GPUs that the lease would leave idle in a rig of which nobody has leased a part yet.
    pub idle_gpus: u16,
    /// What [`Weights::scarcity`] came to, in micro-USDC per GPU-hour: it depends on all other nodes of that moment.
    pub scarcity: u64,
    /// It failed the job before: any other comes first.
    pub failed_before: bool,
}

impl Score {
    pub fn total(&self) -> u64 {
        let charges = [self.reputation, self.link, self.image, self.packing, self.scarcity];
        charges.into_iter().fold(self.price, u64::saturating_add)
    }
}

impl Weights {
    /// What a lease at the price is charged.
    pub fn score(&self, price: PricePerGpuHour, facts: &Facts) -> Score {
        Score {
            image: if facts.image_present { 0 } else { self.image.0 },
            packing: self.packing.0.saturating_mul(u64::from(facts.idle_gpus)),
            scarcity: facts.scarcity,
            ..self.standing(price, facts.reputation, facts.link)
        }
    }

    /// What depends on the node alone: its price, its provider's reputation and its link.
    pub(super) fn standing(&self, price: PricePerGpuHour, reputation: BasisPoints, link: Option<u32>) -> Score {
        let whole = u64::from(BasisPoints::WHOLE.0);
        let lacking = whole.saturating_sub(u64::from(reputation.0));
        let slow = link.map_or(0, |speed| self.fast_link.saturating_sub(speed));
        Score {
            price: price.0,
            reputation: share(price, self.reputation, lacking, whole),
            link: share(price, self.link, u64::from(slow), u64::from(self.fast_link)),
            ..Score::default()
        }
    }

    /// For a lease of `units` on a rig of `size` GPUs.
    pub(super) fn packing(&self, whole: bool, size: u16, units: u16) -> u64 {
        self.packing.0.saturating_mul(u64::from(idle_gpus(whole, size, units)))
    }
}

/// GPUs that a lease of `units` leaves idle in a rig of `size` GPUs that is still whole.
pub(super) fn idle_gpus(whole: bool, size: u16, units: u16) -> u16 {
    if whole { size.saturating_sub(units) } else { 0 }
}

/// `price · weight · part / (10 000 · of)`, rounded down.
fn share(price: PricePerGpuHour, weight: BasisPoints, part: u64, of: u64) -> u64 {
    let charged = u128::from(price.0) * u128::from(weight.0) * u128::from(part);
    let charged = charged / u128::from(BasisPoints::WHOLE.0) / u128::from(of.max(1));
    u64::try_from(charged).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_are_shares_of_the_price_or_absolute() {
        let weights = Weights::default();
        let price = PricePerGpuHour(1_000_000);
        let score = weights.standing(price, BasisPoints(5_000), Some(weights.fast_link / 2 + 1));
        assert_eq!((score.price, score.reputation, score.link), (1_000_000, 100_000, 24_997));
        assert_eq!(weights.standing(price, BasisPoints::WHOLE, None).total(), 1_000_000);
        assert_eq!(weights.standing(price, BasisPoints::WHOLE, Some(u32::MAX)).total(), 1_000_000);
        assert_eq!(weights.packing(true, 8, 1), 14_000);
        assert_eq!(weights.packing(true, 8, 8), 0);
        assert_eq!(weights.packing(false, 8, 1), 0);
        let most = weights.standing(PricePerGpuHour::MAX, BasisPoints::ZERO, Some(0));
        assert_eq!(most.total(), u64::MAX, "saturates");
    }
}
