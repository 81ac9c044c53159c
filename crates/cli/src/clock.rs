//! This machine's clock, and moments in the calendar, which is UTC's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use millrace_protocol::UnixSeconds;

pub fn now() -> UnixSeconds {
    UnixSeconds(since_1970().as_secs())
}

/// The same in nanoseconds: what is to be made of this moment alone is made of them.
pub fn nanoseconds() -> u128 {
    since_1970().as_nanos()
}

/// Nothing on a machine whose clock is set to before.
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// `None` beyond the calendar's end.
pub fn date(at: UnixSeconds) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(at.0).ok()?, 0)
}

/// `None` before 1970.
pub fn seconds(date: DateTime<Utc>) -> Option<UnixSeconds> {
    u64::try_from(date.timestamp()).ok().map(UnixSeconds)
}

/// `2026-11-21`
pub fn day(at: UnixSeconds) -> String {
    written(at, "%Y-%m-%d")
}

/// `2026-11-21 14:30 UTC`
pub fn minute(at: UnixSeconds) -> String {
    written(at, "%Y-%m-%d %H:%M UTC")
}

fn written(at: UnixSeconds, format: &str) -> String {
    date(at).map_or_else(|| at.0.to_string(), |date| date.format(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_calendar_has_them() {
        let evening = UnixSeconds(1_795_219_200 + 86_399);
        assert_eq!([day(evening), minute(evening)], ["2026-11-21", "2026-11-21 23:59 UTC"]);
        let never = UnixSeconds(u64::MAX);
        assert_eq!([day(never), minute(never)], [(); 2].map(|()| u64::MAX.to_string()));
    }

    #[test]
    fn a_moment_is_the_same_in_the_calendar_and_back() {
        let at = UnixSeconds(1_795_219_201);
        assert_eq!(seconds(date(at).unwrap()), Some(at));
        assert_eq!(seconds(DateTime::UNIX_EPOCH), Some(UnixSeconds::ZERO));
        assert_eq!(seconds(DateTime::UNIX_EPOCH - Duration::from_secs(1)), None);
        assert_eq!(date(UnixSeconds(u64::MAX)), None);
    }
}
