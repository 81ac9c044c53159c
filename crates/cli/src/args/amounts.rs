//! Amounts, names and addresses as people write them; amounts are read without a float.

use std::net::SocketAddr;
use std::time::Duration;

use millrace_protocol::{BasisPoints, MicroUsdc, PricePerGpuHour, Seconds};
use millrace_spec::Version;

/// `12`, `12.5` or `0.000001`, in USDC.
///
/// # Errors
/// A text that is no such number, has more than six decimals, or is too large.
pub fn parse_usdc(text: &str) -> Result<MicroUsdc, String> {
    micro(text).map(MicroUsdc)
}

/// The same, per GPU and hour.
///
/// # Errors
/// As [`parse_usdc`].
pub fn parse_price(text: &str) -> Result<PricePerGpuHour, String> {
    micro(text).map(PricePerGpuHour)
}

fn micro(text: &str) -> Result<u64, String> {
    let wrong = || "write USDC like `12.5`, with up to six decimals".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 6 || text.ends_with('.') {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let fraction: u64 = format!("{fraction:0<6}").parse().map_err(|_| wrong())?;
    whole.checked_mul(1_000_000).and_then(|micro| micro.checked_add(fraction)).ok_or_else(wrong)
}

/// A share in hundredths of a percent.
///
/// # Errors
/// A text that is no whole number from 0 to 10000.
pub fn parse_basis_points(text: &str) -> Result<BasisPoints, String> {
    let whole = BasisPoints::WHOLE.0;
    let parsed = text.parse().ok().filter(|share| *share <= whole);
    parsed.map(BasisPoints).ok_or_else(|| format!("write hundredths of a percent: 0 to {whole}"))
}

/// `500ms`, `30s`, `15m`, `2h` or `1d`.
///
/// # Errors
/// A text without a known unit, or too large.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a duration like `500ms`, `30s`, `15m`, `2h` or `1d`".to_owned();
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

/// The same in whole seconds, at least one: what the chain counts in.
///
/// # Errors
/// As [`parse_duration`]; a part of a second, or no time at all.
pub fn parse_seconds(text: &str) -> Result<Seconds, String> {
    let wrong = || "write a duration like `30s`, `15m`, `2h` or `1d`".to_owned();
    let duration = parse_duration(text).map_err(|_| wrong())?;
    let whole = duration.subsec_nanos() == 0 && !duration.is_zero();
    if whole { Ok(Seconds(duration.as_secs())) } else { Err(wrong()) }
}

/// `512MiB`, `24GiB`, `2TiB` or a bare number of MiB.
///
/// # Errors
/// A text without a known unit, or over 4 PiB.
pub fn parse_mebibytes(text: &str) -> Result<u32, String> {
    let wrong = || "write a size like `512MiB`, `24GiB` or `2TiB`".to_owned();
    let units = [("TiB", 1_024 * 1_024), ("GiB", 1_024), ("MiB", 1)];
    let named = units.into_iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = named.unwrap_or((text, 1));
    number.trim().parse::<u32>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(wrong)
}

/// `12.8` or `570.86`, as major * 1000 + minor; further parts are left out.
///
/// # Errors
/// A text that is no such version, or a minor of four digits.
pub fn parse_version(text: &str) -> Result<u32, String> {
    let wrong = || "write a version like `12.8`".to_owned();
    let mut dots = text.match_indices('.').map(|(at, _)| at).skip(1);
    let (told, further) = text.split_at(dots.next().unwrap_or(text.len()));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !further.split('.').skip(1).all(is_number) {
        return Err(wrong());
    }
    told.parse::<Version>().map(|version| version.0).map_err(|_| wrong())
}

/// A name as the program takes it.
///
/// # Errors
/// A text that is empty, longer than 32 bytes, or has control characters.
pub fn parse_display_name(text: &str) -> Result<String, String> {
    let fits = (1..=32).contains(&text.len()) && !text.contains(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("a name has 1 to 32 bytes and no control characters".to_owned()) }
}

/// `127.0.0.1:7071`: where a service listens.
///
/// # Errors
/// A text that is no IP address with a port.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write it like `127.0.0.1:7071`; `0.0.0.0:7071` listens on every interface".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usdc_is_read_exactly() {
        for (text, micro) in
            [("0", 0), ("12", 12_000_000), ("0.000001", 1), ("12.5", 12_500_000), ("1.234567", 1_234_567)]
        {
            assert_eq!(parse_usdc(text), Ok(MicroUsdc(micro)), "{text}");
        }
    }

    #[test]
    fn what_is_not_usdc_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "1e3", "1.2345678", "1,5", "18446744073710"] {
            assert!(parse_usdc(text).is_err(), "{text}");
        }
    }

    #[test]
    fn versions_are_major_and_minor() {
        for (text, version) in [("0", 0), ("12", 12_000), ("12.8", 12_008), ("570.86.15", 570_086)] {
            assert_eq!(parse_version(text), Ok(version), "{text}");
        }
        for text in ["", "12.", "v12", "12.x", "1.2.x", "1.1000", "5000000"] {
            assert!(parse_version(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_and_addresses_are_checked_before_anything_is_sent() {
        assert!(parse_display_name("Basement rigs").is_ok());
        for name in ["", "line\nbreak", "a name that is longer than 32 bytes"] {
            assert!(parse_display_name(name).is_err(), "{name:?}");
        }
        assert!(parse_listen("0.0.0.0:0").is_ok());
        for address in ["7071", "localhost:7071", "127.0.0.1"] {
            assert!(parse_listen(address).is_err(), "{address}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("15m"), Ok(Duration::from_secs(900)));
        for text in ["", "15", "m", "1.5h", "15w", "99999999999999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_on_chain_are_whole_seconds() {
        for (text, seconds) in [("1s", 1), ("2000ms", 2), ("30d", 2_592_000)] {
            assert_eq!(parse_seconds(text), Ok(Seconds(seconds)), "{text}");
        }
        for text in ["0s", "500ms", "1500ms", "30", "", "-1s"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_counted_in_mebibytes() {
        assert_eq!(parse_mebibytes("2TiB"), Ok(2_097_152));
        assert_eq!(parse_mebibytes("24GiB"), Ok(24_576));
        assert_eq!(parse_mebibytes("512MiB"), Ok(512));
        assert_eq!(parse_mebibytes("512"), Ok(512));
        for text in ["", "GiB", "1.5GiB", "24GB", "9999999999GiB", "4096TiB"] {
            assert!(parse_mebibytes(text).is_err(), "{text}");
        }
    }
}
