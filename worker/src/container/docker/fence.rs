//! What keeps containers with a network away from everything near: the rig itself, the networks it is
//! in, metadata services, other jobs. `docs/security-worker.md` says why it stands where it stands.

use std::net::Ipv4Addr;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::container::Error;

/// Begins the name of every bridge that a job is behind; 15 letters are all that Linux takes.
pub(super) const BRIDGES: &str = "mr-";

/// Never the internet: what IANA's registry of special-purpose addresses (RFC 6890) keeps from it, which
/// holds the metadata services of all clouds we know but Azure's, and that one.
const NEAR: &str = "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 168.63.129.16, 169.254.0.0/16, \
                    172.16.0.0/12, 192.0.0.0/24, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3";

/// Puts the fence up, or up again: one transaction, so there is no moment without it.
///
/// # Errors
/// [`Error::Unfenced`].
pub(super) async fn raise() -> Result<(), Error> {
    let unfenced = |reason: String| Error::Unfenced { reason };
    let routes = tokio::fs::read_to_string("/proc/net/route").await;
    let rules = rules(&routes.map_err(|error| unfenced(format!("/proc/net/route: {error}")))?);
    let mut nft = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| unfenced(format!("nft: {error}")))?;
    if let Some(mut stdin) = nft.stdin.take() {
        // Without permission it ends before it reads; its status tells.
        let _ = stdin.write_all(rules.as_bytes()).await;
    }
    let output = nft.wait_with_output().await.map_err(|error| unfenced(format!("nft: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(unfenced(said.lines().next().unwrap_or("nft failed and says nothing").to_owned()))
}

/// A table of its own: Docker and the rig's owner may do with theirs what they like. What one table
/// refuses no other lets pass.
fn rules(routes: &str) -> String {
    let near = [NEAR.to_owned()].into_iter().chain(on_link(routes)).collect::<Vec<_>>().join(", ");
    format!(
        r#"table inet millrace
delete table inet millrace
table inet millrace {{
  set near {{
    type ipv4_addr
    flags interval
    auto-merge
    elements = {{ {near} }}
  }}
  chain from_job {{
    meta nfproto ipv6 reject with icmpx admin-prohibited
    ip daddr @near reject with icmpx admin-prohibited
  }}
  chain forward {{
    type filter hook forward priority filter - 10; policy accept;
    iifname "{BRIDGES}*" jump from_job
    oifname "{BRIDGES}*" ct state established,related accept
    oifname "{BRIDGES}*" reject with icmpx admin-prohibited
  }}
  chain input {{
    type filter hook input priority filter - 10; policy accept;
    iifname "{BRIDGES}*" reject with icmpx admin-prohibited
  }}
}}
"#
    )
}

/// The networks that the rig is in, whatever addresses they have: routes without a gateway.
fn on_link(routes: &str) -> Vec<String> {
    let network = |line: &str| {
        let [interface, destination, gateway, .., mask] = line.split_whitespace().take(8).collect::<Vec<_>>()[..]
        else {
            return None;
        };
        // The kernel prints the four bytes in their order in memory.
        let bytes = |text: &str| Some(Ipv4Addr::from(u32::from_str_radix(text, 16).ok()?.to_ne_bytes()));
        let prefix = u32::from(bytes(mask)?).count_ones();
        let is_near = bytes(gateway)?.is_unspecified() && prefix > 0 && !interface.starts_with(BRIDGES);
        Some(format!("{}/{prefix}", bytes(destination)?)).filter(|_| is_near)
    };
    routes.lines().skip(1).filter_map(network).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010071CB\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t007100CB\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0
mr-0123456789ab\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth1\t006433C6\t010071CB\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0
";

    #[test]
    #[cfg(target_endian = "little")]
    fn networks_that_the_rig_is_in_are_near_and_what_lies_behind_a_gateway_is_not() {
        assert_eq!(on_link(ROUTES), ["203.0.113.0/24"]);
        assert!(rules(ROUTES).contains("224.0.0.0/3, 203.0.113.0/24 }"));
    }

    #[test]
    fn a_table_of_routes_that_makes_no_sense_leaves_the_fence_as_it_is() {
        for text in ["", "Iface\n", "Iface\neth0\n", "Iface\neth0 xx yy 1 2 3 4 zz\n"] {
            assert!(on_link(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn metadata_private_and_special_addresses_are_near() {
        for network in ["169.254.0.0/16", "168.63.129.16", "10.0.0.0/8", "100.64.0.0/10", "192.168.0.0/16"] {
            assert!(NEAR.contains(network), "{network}");
        }
    }
}
