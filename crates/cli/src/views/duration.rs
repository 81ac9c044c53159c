use millrace_protocol::{Seconds, UnixSeconds};

/// `2h 5m`, `59m 10s` or `12s`: the two largest units that are not zero.
pub fn duration(seconds: Seconds) -> String {
    let Seconds(total) = seconds;
    let parts = [(total / 86_400, "d"), (total / 3_600 % 24, "h"), (total / 60 % 60, "m"), (total % 60, "s")];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(parts.len() - 1);
    let shown = parts.iter().skip(first).take(2);
    let words: Vec<_> =
        shown.enumerate().filter(|(place, part)| *place == 0 || part.0 > 0).map(|(_, part)| part).collect();
    words.iter().map(|(count, unit)| format!("{count}{unit}")).collect::<Vec<_>>().join(" ")
}

/// `in 2h 5m`, or `now` from then on.
pub fn in_time(at: UnixSeconds, now: UnixSeconds) -> String {
    match at.since(now) {
        Seconds::ZERO => "now".to_owned(),
        left => format!("in {}", duration(left)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_are_enough() {
        for (seconds, text) in
            [(0, "0s"), (12, "12s"), (60, "1m"), (3_550, "59m 10s"), (7_500, "2h 5m"), (7_201, "2h"), (604_800, "7d")]
        {
            assert_eq!(duration(Seconds(seconds)), text);
        }
    }

    #[test]
    fn what_has_come_is_now() {
        assert_eq!(in_time(UnixSeconds(70), UnixSeconds(10)), "in 1m");
        assert_eq!(in_time(UnixSeconds(10), UnixSeconds(10)), "now");
        assert_eq!(in_time(UnixSeconds(10), UnixSeconds(70)), "now");
    }
}
