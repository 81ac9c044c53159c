use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A driver's or CUDA's version as nodes tell it on chain: major * 1000 + minor. 0 says that there is none, and no
/// version is under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u32);

impl Version {
    pub const NONE: Self = Self(0);

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 1_000, self.0 % 1_000)
    }
}

/// Not a major, or a major and a minor under 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version such as `12.4` or `550`")]
pub struct VersionError;

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(major) || !digits(minor) {
            return Err(VersionError);
        }
        let minor = minor.parse::<u32>().ok().filter(|minor| *minor < 1_000);
        let version = major.parse::<u32>().ok().and_then(|major| major.checked_mul(1_000)?.checked_add(minor?));
        version.map(Self).ok_or(VersionError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_written() {
        for (text, number) in [("550", 550_000), ("550.54", 550_054), ("12.4", 12_004), ("440.100", 440_100), ("0", 0)]
        {
            assert_eq!(text.parse(), Ok(Version(number)), "{text}");
        }
        for text in ["12.4", "550.0", "440.100"] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), text);
        }
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("12.10") > version("12.9"), "they are no decimals");
    }

    #[test]
    fn what_is_more_or_less_than_a_version_is_refused() {
        for text in ["", ".", "12.", ".4", "v12", "+12", "12.x", " 12", "550.54.14", "1.1000", "5000000", "4294967.999"]
        {
            assert_eq!(text.parse::<Version>(), Err(VersionError), "{text}");
        }
    }
}
