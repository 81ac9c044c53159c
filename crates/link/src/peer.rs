/// Of a host name.
const LONGEST: usize = 253;

/// Whether a rig may be told to others under this address: a host name or an IP address, or empty for none.
pub fn is_advertisable(address: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'_');
    address.len() <= LONGEST && address.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_addresses_and_nothing_that_would_break_a_list() {
        for good in ["", "10.0.0.7", "rig-7.example", "2001:db8::7"] {
            assert!(is_advertisable(good), "{good}");
        }
        for bad in ["a,b", "a b", "a\n", "a=b", "ä", &"a".repeat(254)] {
            assert!(!is_advertisable(bad), "{bad}");
        }
    }
}
