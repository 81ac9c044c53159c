//! What keeps containers with a network away from everything near: the rig itself, the networks it is
//! in, metadata services, other jobs. `docs/security-worker.md` says why it stands where it stands.

use std::collections::HashMap;
use std::fs::File;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// What a job may take of the kernel's table of connections, which is one for the whole rig, with room for 262,144 on a
/// machine of 4 GiB or more (`nf_conntrack_max`): once it is full nobody gets a connection any more. These are a seventh
/// of it at most.
const LIMITS: Limits = Limits { connections: 4_096, opened_a_second: 200, exchanges: 8_192 };
/// More is refused.
#[derive(Clone, Copy)]
struct Limits {
    /// TCP connections at once; a list that the kernel can go through at each new one.
    connections: u32,
    /// How many it may open a second, once it has opened as many as it may have. The kernel counts none that is closed,
    /// but keeps each for two minutes more.
    opened_a_second: u32,
    /// Of datagrams with somebody, at once; the kernel takes one for over when nobody has said anything for half a
    /// minute, or two where both have. Each look-up of a name is one, and must not take the place of a connection.
    exchanges: u32,
}

/// Whether the rig's owner was told that connections are not counted.
static IS_TOLD: AtomicBool = AtomicBool::new(false);

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
    put_up_both(&rules, &limits(LIMITS)).await
}

/// The fence stands also where a kernel does not know how to count (`nft_connlimit`), and the rig's owner is told.
async fn put_up_both(rules: &str, limits: &str) -> Result<(), Error> {
    let Err(error) = put_up(&format!("{rules}{limits}")).await else {
        IS_TOLD.store(false, Ordering::Relaxed);
        return Ok(());
    };
    put_up(rules).await?;
    if !IS_TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(%error, "a job with a network can fill the rig's table of connections: they cannot be counted");
    }
    Ok(())
}

/// One transaction of nftables.
async fn put_up(rules: &str) -> Result<(), Error> {
    let unfenced = |reason: String| Error::Unfenced { reason };
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

/// A table that is never deleted, or what it counts would begin anew with each fence: its sets stay, and only its rules
/// are made again. Whoever changes the kind of a set gives it another name. The kernel forgets a bridge without any
/// connection in `connections` and `exchanges`, and one that opened none for an hour in `openings`.
///
/// Of each connection the first packet alone is looked at: to the kernel all those of a sender whom nobody answers are
/// of a new one.
fn limits(Limits { connections, opened_a_second, exchanges }: Limits) -> String {
    format!(
        r#"table inet millrace_connections
table inet millrace_connections {{
  set connections {{
    type ifname
    size 65535
    flags dynamic
  }}
  set exchanges {{
    type ifname
    size 65535
    flags dynamic
  }}
  set openings {{
    type ifname
    size 65535
    flags dynamic,timeout
    timeout 1h
  }}
  chain opened {{
  }}
  chain forward {{
    type filter hook forward priority filter - 9; policy accept;
  }}
}}
flush table inet millrace_connections
table inet millrace_connections {{
  chain opened {{
    meta l4proto != tcp add @exchanges {{ iifname ct count over {exchanges} }} reject with icmpx admin-prohibited
    meta l4proto tcp add @connections {{ iifname ct count over {connections} }} reject with icmpx admin-prohibited
    meta l4proto tcp update @openings {{ \
      iifname limit rate over {opened_a_second}/second burst {connections} packets \
    }} reject with icmpx admin-prohibited
  }}
  chain forward {{
    iifname "{BRIDGES}*" ct state new ct status & confirmed == 0 jump opened
  }}
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::process::Command;
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

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

    /// Somebody on the internet, which is a network namespace that only the rig of the test has a cable to.
    const FAR: &str = "198.51.100.7:4321";
    const JOBS: [&str; 2] = ["mr-00000000000a", "mr-00000000000b"];

    /// A rig with two jobs and the internet beside it, each a network namespace of its own.
    struct Surroundings {
        rig: String,
        jobs: [String; 2],
        far: String,
    }

    impl Drop for Surroundings {
        fn drop(&mut self) {
            for namespace in [&self.rig, &self.far].into_iter().chain(&self.jobs) {
                let _ = Command::new("ip").args(["netns", "delete", namespace]).output();
            }
        }
    }

    fn ip(arguments: &str) {
        let output = Command::new("ip").args(arguments.split(' ')).output().expect("iproute2: ./dev setup");
        assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What `work` says in another network. Sockets that it makes stay there.
    fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
        let work = || {
            let namespace = File::open(format!("/run/netns/{namespace}")).unwrap();
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        };
        thread::scope(|scope| scope.spawn(work).join().unwrap())
    }

    impl Surroundings {
        /// `None` where this user may not make networks.
        fn build(letter: char) -> Option<Self> {
            if !Command::new("nft").args(["list", "tables"]).output().is_ok_and(|output| output.status.success()) {
                eprintln!("SKIPPED: this user may not make networks, or nftables is missing: ./dev setup");
                return None;
            }
            let name = |part: &str| format!("mf{letter}{part}{}", std::process::id());
            let built = Self { rig: name("r"), jobs: [name("a"), name("b")], far: name("f") };
            ip(&format!("netns add {}", built.rig));
            let cables = [(JOBS[0], &built.jobs[0]), (JOBS[1], &built.jobs[1]), ("far", &built.far)];
            for (number, (cable, namespace)) in cables.into_iter().enumerate() {
                let rig = &built.rig;
                ip(&format!("netns add {namespace}"));
                ip(&format!("-n {rig} link add {cable} type veth peer name eth0 netns {namespace}"));
                ip(&format!("-n {rig} address add 10.9.{number}.1/24 dev {cable}"));
                ip(&format!("-n {rig} link set {cable} up"));
                ip(&format!("-n {namespace} address add 10.9.{number}.2/24 dev eth0"));
                ip(&format!("-n {namespace} link set eth0 up"));
                ip(&format!("-n {namespace} link set lo up"));
                ip(&format!("-n {namespace} route add default via 10.9.{number}.1"));
            }
            ip(&format!("-n {} address add 198.51.100.7/32 dev lo", built.far));
            ip(&format!("-n {} route add 198.51.100.7/32 via 10.9.2.2", built.rig));
            inside(&built.rig, || std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap());
            let listener = inside(&built.far, || TcpListener::bind(FAR).unwrap());
            thread::spawn(move || {
                for stream in listener.incoming() {
                    // Until the other end closes.
                    thread::spawn(move || stream.unwrap().read(&mut [0]));
                }
            });
            Some(built)
        }

        fn put_up(&self, limits: &str) -> Result<(), Error> {
            let rules = rules("", &JOBS.map(|bridge| (bridge.to_owned(), Vec::new())));
            let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            inside(&self.rig, || runtime().block_on(put_up_both(&rules, limits)))
        }
    }

    fn connect(namespace: &str) -> std::io::Result<TcpStream> {
        let far: SocketAddr = FAR.parse().unwrap();
        inside(namespace, || TcpStream::connect_timeout(&far, Duration::from_millis(500)))
    }

    /// Whether the other end has closed, too.
    fn close(mut stream: TcpStream) -> bool {
        let is_closed = stream.shutdown(Shutdown::Write).is_ok() && stream.read(&mut [0]).is_ok_and(|read| read == 0);
        // The kernel looks only so often whether what it counts is closed.
        thread::sleep(Duration::from_millis(50));
        is_closed
    }

    fn open(namespace: &str, number: usize) -> Vec<TcpStream> {
        (0..number).map(|_| connect(namespace).unwrap()).collect()
    }

    #[test]
    fn a_job_has_so_many_connections_at_once_and_takes_none_from_others() {
        let Some(around) = Surroundings::build('c') else { return };
        let [job, other] = &around.jobs;
        let limits = limits(Limits { connections: 3, opened_a_second: 1_000, exchanges: 1 });
        around.put_up(&limits).unwrap();
        let kept = open(job, 3);
        assert!(connect(job).is_err(), "a fourth");
        around.put_up(&limits).unwrap();
        assert!(connect(job).is_err(), "a new fence counts on");
        let _others = open(other, 3);
        let _rigs_own = open(&around.rig, 8);
        drop(kept);
        let closed = Instant::now();
        while connect(job).is_err() {
            assert!(closed.elapsed() < Duration::from_secs(20), "what was closed is counted still");
        }
    }

    #[test]
    fn a_job_that_opens_and_closes_without_end_is_held_up() {
        for (letter, a_second, all) in [('q', 1_000, true), ('s', 1, false)] {
            let Some(around) = Surroundings::build(letter) else { return };
            around.put_up(&limits(Limits { connections: 8, opened_a_second: a_second, exchanges: 1 })).unwrap();
            let opened = (0..16).filter(|_| connect(&around.jobs[0]).is_ok_and(close)).count();
            assert_eq!(opened == 16, all, "{opened} at {a_second} a second");
            assert!(opened >= 8, "{opened}");
            drop(open(&around.jobs[1], 4));
        }
    }

    #[test]
    fn a_kernel_that_cannot_count_has_the_fence_all_the_same() {
        let Some(around) = Surroundings::build('k') else { return };
        around.put_up("table inet millrace_connections { chain a { counted by nobody } }").unwrap();
        let _uncounted = open(&around.jobs[0], 8);
        let _rigs_own = inside(&around.rig, || TcpListener::bind("0.0.0.0:4321").unwrap());
        let rig: SocketAddr = "10.9.0.1:4321".parse().unwrap();
        let reached = inside(&around.jobs[0], || TcpStream::connect_timeout(&rig, Duration::from_millis(500)));
        assert!(reached.is_err(), "the rig is out of reach");
    }
}
