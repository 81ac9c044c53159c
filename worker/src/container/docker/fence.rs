//! What keeps containers with a network away from everything near: the rig itself, the networks it is
//! in, metadata services, other jobs. `docs/security-worker.md` says why it stands where it stands.

use std::collections::HashMap;
use std::fs::File;
use std::process::Stdio;

use bollard::models::Network;
use bollard::query_parameters::ListNetworksOptionsBuilder;
use millrace_spec::Destination;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::Docker;
use crate::container::{Error, label};
use crate::near::{NEAR, on_link};

/// Begins the name of every bridge that a job is behind; 15 letters are all that Linux takes.
pub(super) const BRIDGES: &str = "mr-";
/// The engine's option that names a network's bridge.
pub(super) const BRIDGE: &str = "com.docker.network.bridge.name";
/// As [`label::EGRESS`]: all of the internet.
pub(super) const EVERYWHERE: &str = "*";
/// Held from the look at the networks to the new table: of two workers of a rig the one that looked first must
/// not put up its table last. It is the network itself that is locked (network_namespaces(7)): no folder is there for
/// every user, and for a service that may write nowhere but into its own.
const LOCK: &str = "/proc/self/ns/net";

/// Puts the fence up, or up again: one transaction, so there is no moment without it. A bridge that is not known to
/// lead anywhere leads nowhere.
///
/// # Errors
/// [`Error::Unfenced`], [`Error::Unreachable`].
pub(super) async fn raise(docker: &Docker) -> Result<(), Error> {
    let unfenced = |reason: String| Error::Unfenced { reason };
    let lock = tokio::task::spawn_blocking(|| {
        let lock = File::open(LOCK)?;
        lock.lock()?;
        Ok(lock)
    });
    let locked = lock.await.map_err(std::io::Error::other).and_then(|locked| locked);
    let _alone: File = locked.map_err(|error| unfenced(format!("{LOCK}: {error}")))?;
    let bridges = docker.bridges().await?;
    let routes = tokio::fs::read_to_string("/proc/net/route").await;
    let rules = rules(&routes.map_err(|error| unfenced(format!("/proc/net/route: {error}")))?, &bridges);
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

/// Where a task's bridge leads; nowhere in particular for all of the internet.
pub(super) type Bridge = (String, Vec<Destination>);

impl Docker {
    /// The bridges of all tasks on the rig. An engine that is being restarted has those that it had.
    async fn bridges(&self) -> Result<Vec<Bridge>, Error> {
        let filters = HashMap::from([("label".to_owned(), vec![label::EGRESS.to_owned()])]);
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        let mut known = self.bridges.lock().await;
        match (self.api.list_networks(Some(options)).await, &*known) {
            (Ok(networks), _) => Ok(known.insert(networks.iter().filter_map(bridge).collect()).clone()),
            (Err(_), Some(bridges)) => Ok(bridges.clone()),
            (Err(error), None) => Err(self.error(error)),
        }
    }
}

/// `None` for one that must lead nowhere.
fn bridge(network: &Network) -> Option<Bridge> {
    let name = network.options.as_ref()?.get(BRIDGE).filter(|name| is_bridge(name))?;
    let destinations = match network.labels.as_ref()?.get(label::EGRESS)?.as_str() {
        EVERYWHERE => Vec::new(),
        list => list.split(',').map(str::parse).collect::<Result<_, _>>().ok()?,
    };
    Some((name.clone(), destinations))
}

/// Nothing else may stand in a rule.
fn is_bridge(name: &str) -> bool {
    name.strip_prefix(BRIDGES).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What lets a bridge's packets pass.
fn passes((bridge, destinations): &Bridge) -> String {
    let pass = |Destination { host, port }: &Destination| {
        format!("    iifname \"{bridge}\" ip daddr {host} meta l4proto {{ tcp, udp }} th dport {port} return\n")
    };
    match destinations[..] {
        [] => format!("    iifname \"{bridge}\" return\n"),
        _ => destinations.iter().map(pass).collect(),
    }
}

/// A table of its own: Docker and the rig's owner may do with theirs what they like. What one table
/// refuses no other lets pass.
fn rules(routes: &str, bridges: &[Bridge]) -> String {
    let near = [NEAR.to_owned()].into_iter().chain(on_link(routes, BRIDGES)).collect::<Vec<_>>().join(", ");
    let passes: String = bridges.iter().map(passes).collect();
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
{passes}    reject with icmpx admin-prohibited
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
        assert_eq!(on_link(ROUTES, BRIDGES), ["203.0.113.0/24"]);
        assert!(rules(ROUTES, &[]).contains("224.0.0.0/3, 203.0.113.0/24 }"));
    }

    fn network(name: &str, egress: &str) -> Network {
        Network {
            options: Some(HashMap::from([(BRIDGE.to_owned(), name.to_owned())])),
            labels: Some(HashMap::from([(label::EGRESS.to_owned(), egress.to_owned())])),
            ..Network::default()
        }
    }

    #[test]
    fn a_bridge_leads_where_its_label_says_and_nowhere_where_that_makes_no_sense() {
        let open = bridge(&network("mr-0123456789ab", EVERYWHERE)).unwrap();
        let some = bridge(&network("mr-0123456789ac", "203.0.113.0/24:80,198.51.100.7:443")).unwrap();
        let rules = rules("", &[open, some]);
        let lines: Vec<_> = rules.lines().map(str::trim).filter(|line| line.starts_with("iifname \"mr-0")).collect();
        assert_eq!(
            lines,
            [
                r#"iifname "mr-0123456789ab" return"#,
                r#"iifname "mr-0123456789ac" ip daddr 203.0.113.0/24 meta l4proto { tcp, udp } th dport 80 return"#,
                r#"iifname "mr-0123456789ac" ip daddr 198.51.100.7 meta l4proto { tcp, udp } th dport 443 return"#,
            ]
        );
        for (name, egress) in [
            ("mr-0123456789ab", ""),
            ("mr-0123456789ab", "203.0.113.7"),
            ("mr-0123456789ab", "203.0.113.7:443,nonsense"),
            ("docker0", EVERYWHERE),
            ("mr-", EVERYWHERE),
            ("mr-\" accept #", EVERYWHERE),
        ] {
            assert_eq!(bridge(&network(name, egress)), None, "{name} {egress}");
        }
        assert_eq!(bridge(&Network::default()), None);
    }

    #[test]
    fn a_table_of_routes_that_makes_no_sense_leaves_the_fence_as_it_is() {
        for text in ["", "Iface\n", "Iface\neth0\n", "Iface\neth0 xx yy 1 2 3 4 zz\n"] {
            assert!(on_link(text, BRIDGES).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn metadata_private_and_special_addresses_are_near() {
        for network in ["169.254.0.0/16", "168.63.129.16", "10.0.0.0/8", "100.64.0.0/10", "192.168.0.0/16"] {
            assert!(NEAR.contains(network), "{network}");
        }
    }
}
