//! What lies near the rig: its own machine and networks, which no stranger may reach through it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Never the internet: what IANA's registry of special-purpose addresses (RFC 6890) keeps from it, which
/// holds the metadata services of all clouds we know but Azure's, and that one.
pub(crate) const NEAR: &str = "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 168.63.129.16, 169.254.0.0/16, \
                               172.16.0.0/12, 192.0.0.0/24, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3";
/// The internet, as far as IPv6 addresses of it were given out (RFC 4291, 2.5.4).
const FAR: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// Protocols' own (RFC 2928), and 6to4 (RFC 3056), which leads to any IPv4 address.
const NOT_FAR: [(Ipv6Addr, u32); 2] =
    [(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16)];

/// The kernel's tables of routes, as `/proc/net` shows them.
pub(crate) struct Routes {
    v4: String,
    v6: String,
}

impl Routes {
    /// Those of now; none where the kernel does not tell.
    pub fn read() -> Self {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
        Self { v4: read("route"), v6: read("ipv6_route") }
    }

    /// Whether the address is not the internet's, or in a network that the rig is in itself.
    pub fn is_near(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => {
                let near = NEAR.split(", ").map(str::to_owned).chain(on_link(&self.v4, ""));
                near.filter_map(|network| network_v4(&network)).any(|(network, prefix)| {
                    let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
                    u32::from(address) & mask == u32::from(network) & mask
                })
            }
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(mapped) => self.is_near(mapped.into()),
                None => {
                    !lies_in(address, FAR)
                        || NOT_FAR.iter().any(|network| lies_in(address, *network))
                        || on_link_v6(&self.v6).any(|network| lies_in(address, network))
                }
            },
        }
    }
}

fn network_v4(text: &str) -> Option<(Ipv4Addr, u32)> {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
    Some((address.parse().ok()?, prefix.parse().ok()?))
}

fn lies_in(address: Ipv6Addr, (network, prefix): (Ipv6Addr, u32)) -> bool {
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
    u128::from(address) & mask == u128::from(network) & mask
}

/// The networks that the rig is in, whatever addresses they have: routes without a gateway. Those of interfaces whose
/// names begin with `except` are left out, where that is not empty.
pub(crate) fn on_link(routes: &str, except: &str) -> Vec<String> {
    let network = |line: &str| {
        let [interface, destination, gateway, .., mask] = line.split_whitespace().take(8).collect::<Vec<_>>()[..]
        else {
            return None;
        };
        // The kernel prints the four bytes in their order in memory.
        let bytes = |text: &str| Some(Ipv4Addr::from(u32::from_str_radix(text, 16).ok()?.to_ne_bytes()));
        let prefix = u32::from(bytes(mask)?).count_ones();
        let excepted = !except.is_empty() && interface.starts_with(except);
        let is_near = bytes(gateway)?.is_unspecified() && prefix > 0 && !excepted;
        Some(format!("{}/{prefix}", bytes(destination)?)).filter(|_| is_near)
    };
    routes.lines().skip(1).filter_map(network).collect()
}

/// The same of IPv6, the rig's own addresses included.
fn on_link_v6(routes: &str) -> impl Iterator<Item = (Ipv6Addr, u32)> {
    routes.lines().filter_map(|line| {
        let [destination, prefix, _, _, gateway] = line.split_whitespace().take(5).collect::<Vec<_>>()[..] else {
            return None;
        };
        let address = |text: &str| Some(Ipv6Addr::from(u128::from_str_radix(text, 16).ok()?));
        let prefix = u32::from_str_radix(prefix, 16).ok().filter(|prefix| *prefix > 0)?;
        address(gateway).filter(Ipv6Addr::is_unspecified)?;
        Some((address(destination)?, prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(routes: &Routes, address: &str) -> bool {
        routes.is_near(address.parse().unwrap())
    }

    #[test]
    fn loopback_private_and_special_addresses_are_near_and_the_internet_is_not() {
        let routes = Routes { v4: String::new(), v6: String::new() };
        for address in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.0.1",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:192.168.1.1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
            "2001::1",
        ] {
            assert!(is_near(&routes, address), "{address}");
        }
        for address in ["1.1.1.1", "168.63.129.17", "172.32.0.1", "203.0.113.9", "::ffff:1.1.1.1", "2606:4700::1111"] {
            assert!(!is_near(&routes, address), "{address}");
        }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_rigs_own_networks_are_near_whatever_their_addresses() {
        let routes = Routes {
            v4: "Iface Destination Gateway Flags RefCnt Use Metric Mask\neth0 007100CB 00000000 0001 0 0 0 00FFFFFF\n"
                .to_owned(),
            v6: "26064700000000000000000000000000 20 00000000000000000000000000000000 00 \
                 00000000000000000000000000000000 0 0 0 0 eth0\n\
                 00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                 fe800000000000000000000000000001 0 0 0 0 eth0\n"
                .to_owned(),
        };
        assert!(is_near(&routes, "203.0.113.9") && !is_near(&routes, "203.0.114.9"));
        assert!(is_near(&routes, "2606:4700::1111") && !is_near(&routes, "2606:4701::1111"));
    }
}
