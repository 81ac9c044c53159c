//! Regions: one small number each, so that a job's list of regions is a 32-bit mask on chain.

/// Index into [`REGIONS`].
pub type Region = u8;

/// Region slugs. Append only: the position is stored on chain.
pub const REGIONS: &[&str] = &[
    "africa",
    "asia-east",
    "asia-south",
    "asia-southeast",
    "europe-central",
    "europe-north",
    "europe-south",
    "europe-west",
    "middle-east",
    "north-america-central",
    "north-america-east",
    "north-america-west",
    "oceania",
    "south-america",
];

/// The region of a slug.
pub fn region(slug: &str) -> Option<Region> {
    REGIONS.iter().position(|known| *known == slug).and_then(|index| Region::try_from(index).ok())
}

/// The slug of a region.
pub fn slug(region: Region) -> Option<&'static str> {
    REGIONS.get(usize::from(region)).copied()
}

/// The bit of a region in a job's mask; `None` for a region that does not exist.
pub fn bit(region: Region) -> Option<u32> {
    slug(region).map(|_| 1 << region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_fit_the_mask_and_round_trip() {
        assert!(REGIONS.len() <= 32);
        for (index, name) in REGIONS.iter().enumerate() {
            let region = region(name).unwrap();
            assert_eq!(usize::from(region), index, "{name} is listed twice");
            assert_eq!(slug(region), Some(*name));
        }
        assert_eq!(bit(200), None);
    }
}
