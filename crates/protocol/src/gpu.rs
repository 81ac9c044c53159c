//! GPU classes: one small number per model, so that a job's list of models is a 64-bit mask on chain.

/// Index into [`CLASSES`]; 0 is a node without a GPU.
pub type GpuClass = u8;

/// Model slugs by class. Append only: the position is stored on chain.
pub const CLASSES: &[&str] = &[
    "none",
    "rtx-3060",
    "rtx-3070",
    "rtx-3080",
    "rtx-3090",
    "rtx-4060",
    "rtx-4070",
    "rtx-4080",
    "rtx-4090",
    "rtx-5070",
    "rtx-5080",
    "rtx-5090",
    "a10",
    "a40",
    "a4000",
    "a5000",
    "a6000",
    "rtx-6000-ada",
    "l4",
    "l40",
    "l40s",
    "t4",
    "v100",
    "a100-40gb",
    "a100-80gb",
    "h100-pcie",
    "h100-sxm",
    "h200",
    "b200",
    "gh200",
    "mi210",
    "mi250",
    "mi300x",
    "other",
];

/// The class of a model slug.
pub fn class(slug: &str) -> Option<GpuClass> {
    CLASSES.iter().position(|known| *known == slug).and_then(|index| GpuClass::try_from(index).ok())
}

/// The slug of a class.
pub fn slug(class: GpuClass) -> Option<&'static str> {
    CLASSES.get(usize::from(class)).copied()
}

/// The bit of a class in a job's mask; `None` for a class that does not exist.
pub fn bit(class: GpuClass) -> Option<u64> {
    slug(class).map(|_| 1 << class)
}

/// Number of [`Tier`]s.
pub const TIERS: usize = 4;

/// What kind of machine a class is; bonds and reputations have a minimum for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tier {
    NoGpu = 0,
    Consumer = 1,
    Workstation = 2,
    Datacentre = 3,
}

impl Tier {
    /// The tier of a class; one that does not exist counts as the most demanding.
    pub fn of(class: GpuClass) -> Self {
        match slug(class) {
            Some("none") => Self::NoGpu,
            Some("rtx-6000-ada" | "a4000" | "a5000" | "a6000" | "other") => Self::Workstation,
            Some(consumer) if consumer.starts_with("rtx-") => Self::Consumer,
            _ => Self::Datacentre,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_fit_the_mask_and_round_trip() {
        assert!(CLASSES.len() <= 64);
        for (index, name) in CLASSES.iter().enumerate() {
            let class = class(name).unwrap();
            assert_eq!(usize::from(class), index, "{name} is listed twice");
            assert_eq!(slug(class), Some(*name));
        }
        assert_eq!(class("rtx-9999"), None);
        assert_eq!(bit(64), None);
    }

    #[test]
    fn every_class_has_its_tier() {
        let tier = |slug| Tier::of(class(slug).unwrap());
        assert_eq!(tier("none"), Tier::NoGpu);
        assert_eq!(tier("rtx-4090"), Tier::Consumer);
        assert_eq!(tier("rtx-6000-ada"), Tier::Workstation);
        assert_eq!(tier("h200"), Tier::Datacentre);
        assert_eq!(Tier::of(255), Tier::Datacentre);
    }
}
