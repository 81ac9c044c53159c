//! Amounts as people write them: `"8GiB"`, `"10m"`, `"2.50"`. Parsed without floats.

use millrace_protocol::{BasisPoints, MicroUsdc, Seconds};

/// `"512MiB"` or `"8GiB"`, in MiB. A bare number has no unit and is refused.
pub fn parse_mib(text: &str) -> Option<u32> {
    let (number, factor) = if let Some(number) = text.strip_suffix("MiB") {
        (number, 1)
    } else if let Some(number) = text.strip_suffix("GiB") {
        (number, 1_024)
    } else {
        (text.strip_suffix("TiB")?, 1_024 * 1_024)
    };
    number.trim().parse::<u32>().ok()?.checked_mul(factor)
}

/// `"90s"`, `"15m"`, `"2h"` or `"3d"`.
pub fn parse_seconds(text: &str) -> Option<Seconds> {
    let unit = text.chars().last()?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number = text.strip_suffix(unit)?.trim().parse::<u64>().ok()?;
    number.checked_mul(factor).map(Seconds)
}

/// `"2.5"` USDC, at most six decimals.
pub fn parse_usdc(text: &str) -> Option<MicroUsdc> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || decimals.len() > 6 || !digits(whole) || !digits(decimals) {
        return None;
    }
    let micro = format!("{decimals:0<6}").parse::<u64>().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micro).map(MicroUsdc)
}

/// `"10%"` or `"0.25%"`, at most two decimals.
pub fn parse_share(text: &str) -> Option<BasisPoints> {
    let (whole, decimals) = match text.strip_suffix('%')?.split_once('.') {
        Some((whole, decimals)) if matches!(decimals.len(), 1 | 2) => (whole, decimals),
        Some(_) => return None,
        None => (text.strip_suffix('%')?, ""),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) {
        return None;
    }
    let hundredths = format!("{decimals:0<2}").parse::<u16>().ok()?;
    whole.parse::<u16>().ok()?.checked_mul(100)?.checked_add(hundredths).map(BasisPoints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_durations_and_money() {
        assert_eq!(parse_mib("8GiB"), Some(8_192));
        assert_eq!(parse_mib("512 MiB"), Some(512));
        assert_eq!(parse_seconds("15m"), Some(Seconds(900)));
        assert_eq!(parse_share("10%"), Some(BasisPoints(1_000)));
        assert_eq!(parse_share("0.25%"), Some(BasisPoints(25)));
        assert_eq!(parse_share("100.0%"), Some(BasisPoints(10_000)));
        assert_eq!(parse_usdc("2.50"), Some(MicroUsdc(2_500_000)));
        assert_eq!(parse_usdc("0.000001"), Some(MicroUsdc(1)));
        assert_eq!(parse_usdc("18446744073709.551615"), Some(MicroUsdc(u64::MAX)));
    }

    #[test]
    fn anything_ambiguous_is_refused() {
        for text in ["8", "8GB", "-1GiB", "1.5GiB", "99999999TiB", ""] {
            assert_eq!(parse_mib(text), None, "{text}");
        }
        for text in ["10", "%", ".5%", "-1%", "0.255%", "1.%", "1,5%", "656%", "10 %"] {
            assert_eq!(parse_share(text), None, "{text}");
        }
        for text in ["5", "m", "-5m", "1.5h", "5w", "99999999999999999999d"] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
        for text in ["", ".5", "1.2345678", "-1", "+1", "1e3", "1,5", "18446744073709.551616"] {
            assert_eq!(parse_usdc(text), None, "{text}");
        }
    }
}
