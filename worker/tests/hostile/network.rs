//! Programs that look around. What stands for the internet, the provider's networks and a metadata service are
//! network namespaces of the test's own; no packet is sent to an address that the test has not made.

mod neighbour;
mod resolver;

use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::ops::Range;
use std::process::Command;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{LogsOptionsBuilder, RemoveContainerOptionsBuilder, WaitContainerOptions};
use futures_util::StreamExt;
use millrace_agent::TaskKey;
use millrace_worker::Options;
use millrace_worker::container::name;

use super::*;
use neighbour::{GREETING, Neighbour, PORT, greet};

/// Everything a job could want to reach, and the names under which its script tries.
struct Surroundings {
    internet: Neighbour,
    lan: Neighbour,
    /// With addresses that are the internet's elsewhere.
    public_lan: Neighbour,
    metadata: Neighbour,
}

/// Tests of other processes have other addresses.
fn own(first: u8, second: u8, third: Option<u8>, last: u8) -> Ipv4Addr {
    let number = std::process::id();
    let block = u8::try_from(number % 60 * 4).unwrap();
    Ipv4Addr::new(first, second, third.unwrap_or(u8::try_from(number / 60 % 150).unwrap()), block + last)
}

fn internet() -> Ipv4Addr {
    own(198, 51, Some(100), 1)
}

impl Surroundings {
    /// `None` where this user may not make networks.
    fn build() -> Option<Self> {
        let nothing = Command::new("nft").args(["list", "tables"]).output();
        if !nothing.is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: this user may not make networks, or nftables is missing: ./dev setup");
            return None;
        }
        Some(Self {
            internet: Neighbour::behind_a_gateway("i", own(10, 231, None, 1), own(10, 231, None, 2), internet()),
            lan: Neighbour::on_link("l", own(10, 232, None, 1), own(10, 232, None, 2)),
            public_lan: Neighbour::on_link("p", own(203, 0, Some(113), 1), own(203, 0, Some(113), 2)),
            metadata: Neighbour::on_link("m", own(169, 254, None, 1), own(169, 254, None, 2)),
        })
    }

    /// What a container's script must know of them.
    fn told(&self) -> [(&'static str, String); 2] {
        let resolvers = [&self.internet, &self.lan, &self.metadata].map(|neighbour| neighbour.address);
        let [internet, lan, metadata] = resolvers;
        let resolvers = format!("internet={internet} lan={lan} metadata={metadata}");
        [("TARGETS", self.targets()), ("RESOLVERS", resolvers)]
    }

    fn targets(&self) -> String {
        let all = [
            ("internet", self.internet.address),
            ("lan", self.lan.address),
            ("public-lan", self.public_lan.address),
            ("metadata", self.metadata.address),
            ("rig-in-lan", self.lan.gateway),
            ("rig-in-public-lan", self.public_lan.gateway),
        ];
        all.map(|(name, address)| format!("{name}={address}")).join(" ")
    }
}

/// Tries each target by TCP and by UDP, and the container's gateway; one name a line for what has answered,
/// then interfaces and IPv6 addresses that should not be there.
const LOOK_AROUND: &str = "
    try() { timeout 3 nc -w 2 $2 4321 < /dev/null 2>/dev/null | grep -q millrace && echo $1; }
    ask() { timeout 2 nslookup market.example $2 2>/dev/null | grep -q 'Name:' && echo $1/udp; }
    look() {
        for target in $TARGETS; do try ${target%=*} ${target#*=}; done
        for target in $RESOLVERS; do ask ${target%=*} ${target#*=}; done
        gateway=$(ip route 2>/dev/null | awk '/default/ { print $3 }')
        [ -z \"$gateway\" ] || try gateway $gateway
        ls /sys/class/net | grep -vE '^(lo|eth0)$'
        grep -v ' lo$' /proc/net/if_inet6 2>/dev/null
    }";

fn spec_with(told: &[(&str, String)], network: bool) -> JobSpec {
    let mut spec = spec(&format!("{LOOK_AROUND}\nlook > /outputs/report"));
    spec.env.extend(told.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    spec.network = network;
    spec
}

fn resolve_here(options: &mut Options) {
    options.resolvers = vec![internet().into()];
}

async fn rig_with(spec: JobSpec) -> Option<Rig> {
    let mut rig = Rig::start_with(engine().await?, Objects::default(), spec, resolve_here).await;
    rig.leased().await;
    Some(rig)
}

/// What a container that nobody fences in sees: the attack works.
async fn unfenced(told: &[(&str, String)]) -> String {
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let body = ContainerCreateBody {
        image: Some(IMAGE.into()),
        cmd: Some(vec!["sh".into(), "-c".into(), format!("{LOOK_AROUND}\nlook")]),
        env: Some(told.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        host_config: Some(HostConfig { network_mode: Some("bridge".into()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let id = docker.create_container(None, body).await.unwrap().id;
    docker.start_container(&id, None).await.unwrap();
    let _ = docker.wait_container(&id, None::<WaitContainerOptions>).next().await;
    let options = LogsOptionsBuilder::default().stdout(true).build();
    let log: Vec<_> = docker.logs(&id, Some(options)).map(|line| line.unwrap().to_string()).collect().await;
    // Its image has a volume.
    docker.remove_container(&id, Some(RemoveContainerOptionsBuilder::default().v(true).build())).await.unwrap();
    log.concat()
}

#[tokio::test]
async fn with_a_network_a_job_reaches_the_internet_and_nothing_near() {
    let _alone = neighbour::alone().await;
    let Some(surroundings) = Surroundings::build() else { return };
    let told = surroundings.told();
    let Some(mut rig) = rig_with(spec_with(&told, true)).await else { return };
    let _rig_itself = greet(None, Ipv4Addr::UNSPECIFIED);
    let without = unfenced(&told).await;
    let tcp = ["internet", "lan", "public-lan", "metadata", "rig-in-lan", "rig-in-public-lan"];
    let all = [&tcp[..], &["internet/udp", "lan/udp", "metadata/udp", "gateway"]].concat();
    assert_eq!(without.lines().collect::<Vec<_>>(), all, "a container that nobody fences in");
    assert_eq!(report_of(&mut rig).await, "internet\ninternet/udp\n");
    rig.stop().await;
}

#[tokio::test]
async fn without_a_network_a_job_reaches_nothing() {
    let _alone = neighbour::alone().await;
    let Some(surroundings) = Surroundings::build() else { return };
    let Some(mut rig) = rig_with(spec_with(&surroundings.told(), false)).await else { return };
    let _rig_itself = greet(None, Ipv4Addr::UNSPECIFIED);
    assert_eq!(report_of(&mut rig).await, "");
    rig.stop().await;
}

#[tokio::test]
async fn names_are_looked_up_on_the_internet() {
    let _alone = neighbour::alone().await;
    let Some(_surroundings) = Surroundings::build() else { return };
    let mut spec = spec("nslookup market.example > /outputs/report");
    spec.network = true;
    let Some(mut rig) = rig_with(spec).await else { return };
    let report = report_of(&mut rig).await;
    assert!(report.contains(&internet().to_string()), "{report}");
    rig.stop().await;
}

/// What a job with such a `network` list reaches of `told`, and whether it can look names up.
async fn reaches(told: &[(&str, String)], egress: &[String]) -> Option<String> {
    let attack =
        format!("{LOOK_AROUND}\n{{ look; nslookup market.example | grep -q Name: && echo names; }} > /outputs/report");
    let mut spec = JobSpec { network: true, ..spec(&format!("{attack}; true")) };
    spec.egress = egress.iter().map(|destination| destination.parse().unwrap()).collect();
    spec.env.extend(told.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let mut rig = rig_with(spec).await?;
    let report = report_of(&mut rig).await;
    rig.stop().await;
    Some(report)
}

#[tokio::test]
async fn with_a_list_a_job_reaches_what_is_on_it_and_asks_nobody_for_names() {
    let _alone = neighbour::alone().await;
    let Some(surroundings) = Surroundings::build() else { return };
    let other =
        Neighbour::behind_a_gateway("o", own(10, 233, None, 1), own(10, 233, None, 2), own(198, 51, Some(100), 2));
    let (internet, lan, other) = (internet(), surroundings.lan.address, other.address);
    let targets = format!("named=market.example internet={internet} other={other} lan={lan}");
    let told = [("TARGETS", targets), ("RESOLVERS", format!("internet={internet}"))];
    let Some(all) = reaches(&told, &[]).await else { return };
    assert_eq!(all, "named\ninternet\nother\ninternet/udp\nnames\n", "without a list");
    let by_name = reaches(&told, &[format!("market.example:{PORT}")]).await.unwrap();
    assert_eq!(by_name, "named\ninternet\n");
    let by_address = reaches(&told, &[format!("{lan}:{PORT}"), format!("{other}:{PORT}")]).await.unwrap();
    assert_eq!(by_address, "other\n", "what is near stays out of reach");
    let other_port = reaches(&told, &[format!("market.example:{}", PORT + 1)]).await.unwrap();
    assert_eq!(other_port, "");
}

#[tokio::test]
async fn a_list_whose_names_cannot_be_looked_up_ends_the_task_with_its_cause() {
    let _alone = neighbour::alone().await;
    let Some(_surroundings) = Surroundings::build() else { return };
    for (name, code, fault) in
        [("market.nowhere", "name-unknown", Fault::Job), ("market.silent", "lookup-failed", Fault::Node)]
    {
        let mut spec = JobSpec { network: true, ..spec("true") };
        spec.egress = vec![format!("{name}:443").parse().unwrap()];
        let Some(mut rig) = rig_with(spec).await else { return };
        rig.assign(0);
        let failure = rig.orchestrator.end().await.failure.unwrap();
        assert_eq!((failure.code.as_str(), failure.fault()), (code, fault), "{failure:?}");
        assert!(failure.cause.contains(name), "{}", failure.cause);
        assert!(rig.is_clean().await);
        rig.stop().await;
    }
}

/// A job of another buyer, which listens.
async fn victim() -> Option<(Rig, Ipv4Addr, u32)> {
    let listen = format!("while :; do echo {GREETING} | nc -l -p {PORT}; done & trap 'exit 0' TERM; wait");
    let mut spec = spec(&listen);
    spec.network = true;
    let mut rig = rig_with(spec).await?;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let key = TaskKey { lease: rig.lease(), task: 0, attempt: 1 };
    let found = docker.inspect_container(&name(key), None).await.unwrap();
    let process = u32::try_from(found.state.unwrap().pid.unwrap()).unwrap();
    let networks = found.network_settings.unwrap().networks.unwrap();
    let address = networks.into_values().next().unwrap().ip_address.unwrap().parse().unwrap();
    Some((rig, address, process))
}

#[tokio::test]
async fn another_job_is_out_of_reach() {
    let _alone = neighbour::alone().await;
    let Some(_surroundings) = Surroundings::build() else { return };
    let Some((mut other, address, process)) = victim().await else { return };
    while !neighbour::answers_inside(process, address) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let Some(mut rig) = rig_with(spec_with(&[("TARGETS", format!("other={address}"))], true)).await else { return };
    assert_eq!(report_of(&mut rig).await, "");
    assert!(neighbour::answers_inside(process, address), "it is still there");
    rig.stop().await;
    other.stop_task(0);
    other.orchestrator.end().await;
    assert!(other.is_clean().await);
    other.stop().await;
}

#[tokio::test]
async fn a_fence_that_somebody_takes_down_is_put_up_again_while_a_job_runs() {
    let _alone = neighbour::alone().await;
    let Some(surroundings) = Surroundings::build() else { return };
    let attack = format!(
        "{LOOK_AROUND}\nuntil [ -e /outputs/look ]; do sleep 0.1; done; look > /outputs/report; rm /outputs/look"
    );
    let mut spec = spec(&attack);
    spec.env.insert("TARGETS".into(), surroundings.targets());
    spec.network = true;
    let Some(mut rig) = rig_with(spec).await else { return };
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let nft = |arguments: &[&str]| Command::new("nft").args(arguments).output().unwrap().status.success();
    assert!(nft(&["delete", "table", "inet", "millrace"]));
    let again = async {
        while !nft(&["list", "table", "inet", "millrace"]) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.expect("the fence stays down");
    let key = TaskKey { lease: rig.lease(), task: 0, attempt: 1 };
    std::fs::write(rig.data().join(format!("tasks/{key}/outputs/look")), "").unwrap();
    let end = rig.orchestrator.end().await;
    assert_eq!(end.phase(), Phase::Done, "{:?}", end.failure);
    assert_eq!(rig.objects.get(&end.outputs[0].sha256).unwrap().as_ref(), b"internet\n");
    rig.stop().await;
}

/// One of each port: more than a job may have at once, by half a thousand.
fn send_datagrams(process: u32, ports: Range<u16>) {
    neighbour::inside(Some(format!("/proc/{process}/ns/net")), |ready| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        for port in ports {
            // What is refused is told to the next one.
            let _ = socket.send_to(b"x", (internet(), port));
        }
        ready.send(()).unwrap();
    });
}

/// How many exchanges of datagrams with the internet the rig's table of connections has.
fn exchanges() -> usize {
    let table = std::fs::read_to_string("/proc/net/nf_conntrack").unwrap();
    let with = format!(" dst={} ", internet());
    table.lines().filter(|line| line.contains(" udp ") && line.contains(&with)).count()
}

#[tokio::test]
async fn a_job_that_opens_more_connections_than_the_rig_has_room_for() {
    let _alone = neighbour::alone().await;
    let Some(_surroundings) = Surroundings::build() else { return };
    let Some((mut filler, _, process)) = victim().await else { return };
    send_datagrams(process, 10_000..19_000);
    assert_eq!(exchanges(), 8_192);
    // Long enough for the fence to be put up again, and too short for the kernel to forget what nobody answers.
    tokio::time::sleep(Duration::from_secs(4)).await;
    send_datagrams(process, 20_000..24_000);
    assert_eq!(exchanges(), 8_192, "a new fence counts on");
    assert!(neighbour::answers_inside(process, internet()), "datagrams take no connection's place");
    let rigs_own = TcpStream::connect_timeout(&SocketAddr::from((internet(), PORT)), Duration::from_secs(3));
    assert!(rigs_own.is_ok(), "{rigs_own:?}");
    let told = [("TARGETS", format!("internet={}", internet()))];
    let Some(mut rig) = rig_with(spec_with(&told, true)).await else { return };
    assert_eq!(report_of(&mut rig).await, "internet\n");
    rig.stop().await;
    filler.stop_task(0);
    filler.orchestrator.end().await;
    assert!(filler.is_clean().await);
    filler.stop().await;
}
