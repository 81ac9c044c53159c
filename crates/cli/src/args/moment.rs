use std::str::FromStr;

use chrono::NaiveDate;
use millrace_protocol::{Seconds, UnixSeconds};

use super::parse_duration;
use crate::clock;

/// A moment as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The beginning of a day, in UTC.
    Day(UnixSeconds),
    Ago(Seconds),
}

impl Moment {
    pub fn at(self, now: UnixSeconds) -> UnixSeconds {
        match self {
            Self::Day(at) => at,
            Self::Ago(Seconds(ago)) => UnixSeconds(now.0.saturating_sub(ago)),
        }
    }
}

/// `2026-11-21`, or `7d` for seven days ago.
///
/// # Errors
/// A text that is neither, or a day before 1970.
pub fn parse_moment(text: &str) -> Result<Moment, String> {
    let day = NaiveDate::from_str(text).ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    if let Some(at) = day.and_then(|at| clock::seconds(at.and_utc())) {
        return Ok(Moment::Day(at));
    }
    let ago =
        parse_duration(text).map_err(|_| "write a day like `2026-11-21`, or how long ago, like `7d`".to_owned())?;
    Ok(Moment::Ago(Seconds(ago.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_durations_are_moments() {
        let now = UnixSeconds(1_800_000_000);
        for (text, at) in [
            ("1970-01-01", 0),
            ("2026-11-21", 1_795_219_200),
            ("2024-02-29", 1_709_164_800),
            ("7d", 1_799_395_200),
            ("90s", 1_799_999_910),
            ("200000d", 0),
        ] {
            assert_eq!(parse_moment(text).unwrap().at(now), UnixSeconds(at), "{text}");
        }
        for text in ["", "yesterday", "2026-02-30", "1969-12-31", "7", "-7d", "21.11.2026"] {
            assert!(parse_moment(text).is_err(), "{text}");
        }
    }
}
