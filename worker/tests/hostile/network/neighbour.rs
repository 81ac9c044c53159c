//! Machines beside the rig, each a network namespace of its own.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::resolver::{Resolver, answer};

pub const PORT: u16 = 4_321;
pub const GREETING: &str = "millrace";

/// One test at a time on this machine: those of one process have the same addresses, and all have one fence.
pub async fn alone() -> UnixListener {
    let name = UnixAddress::from_abstract_name("millrace-fence-of-tests").unwrap();
    loop {
        if let Ok(held) = UnixListener::bind_addr(&name) {
            return held;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Goes away, with its cable, when it is dropped.
pub struct Neighbour {
    namespace: String,
    /// The rig's own address on the cable between the two.
    pub gateway: Ipv4Addr,
    pub address: Ipv4Addr,
    _greeter: Greeter,
    _resolver: Resolver,
}

impl Neighbour {
    /// At the other end of a cable of the rig's: `address`.
    pub fn on_link(letter: &str, gateway: Ipv4Addr, address: Ipv4Addr) -> Self {
        let namespace = connect(letter, gateway, address);
        Self::listening(namespace, gateway, address)
    }

    /// At `address`, to which the one at the other end of the cable is the way.
    pub fn behind_a_gateway(letter: &str, gateway: Ipv4Addr, next: Ipv4Addr, address: Ipv4Addr) -> Self {
        let namespace = connect(letter, gateway, next);
        ip(&["-n", &namespace, "address", "add", &format!("{address}/32"), "dev", "lo"]);
        ip(&["route", "add", &format!("{address}/32"), "via", &next.to_string()]);
        Self::listening(namespace, gateway, address)
    }

    fn listening(namespace: String, gateway: Ipv4Addr, address: Ipv4Addr) -> Self {
        let greeter = greet(Some(&namespace), address);
        let resolver = answer(&namespace, address);
        Self { namespace, gateway, address, _greeter: greeter, _resolver: resolver }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // The cable goes with one of its ends, and routes with the cable.
        let _ = Command::new("ip").args(["link", "delete", &self.namespace]).output();
        let _ = Command::new("ip").args(["netns", "delete", &self.namespace]).output();
    }
}

/// The namespace, called like the rig's end of its cable.
fn connect(letter: &str, gateway: Ipv4Addr, address: Ipv4Addr) -> String {
    let namespace = format!("mt{letter}{}", std::process::id());
    ip(&["netns", "add", &namespace]);
    ip(&["link", "add", &namespace, "type", "veth", "peer", "name", "eth0", "netns", &namespace]);
    ip(&["address", "add", &format!("{gateway}/30"), "dev", &namespace]);
    ip(&["link", "set", &namespace, "up"]);
    ip(&["-n", &namespace, "address", "add", &format!("{address}/30"), "dev", "eth0"]);
    ip(&["-n", &namespace, "link", "set", "eth0", "up"]);
    ip(&["-n", &namespace, "link", "set", "lo", "up"]);
    ip(&["-n", &namespace, "route", "add", "default", "via", &gateway.to_string()]);
    namespace
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().expect("iproute2: ./dev setup");
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Says hello to whoever connects, until it is dropped.
pub struct Greeter {
    stopped: Arc<AtomicBool>,
}

impl Drop for Greeter {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
    }
}

/// In the namespace of this name, or in the rig's own.
pub fn greet(namespace: Option<&str>, address: Ipv4Addr) -> Greeter {
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = stopped.clone();
    inside(namespace.map(|name| format!("/run/netns/{name}")), move |ready| {
        let listener = TcpListener::bind((address, PORT)).unwrap();
        listener.set_nonblocking(true).unwrap();
        ready.send(()).unwrap();
        while !stop.load(Ordering::SeqCst) {
            match listener.accept() {
                Ok((mut stream, _)) => drop(writeln!(stream, "{GREETING}")),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    });
    Greeter { stopped }
}

/// Whether the greeting comes from an address, seen from within the network of a process.
pub fn answers_inside(process: u32, address: Ipv4Addr) -> bool {
    let (answer, came) = mpsc::channel();
    inside(Some(format!("/proc/{process}/ns/net")), move |ready| {
        ready.send(()).unwrap();
        let target = SocketAddr::from((address, PORT));
        let greeting = TcpStream::connect_timeout(&target, Duration::from_secs(1)).ok().and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
            let mut text = [0; GREETING.len()];
            stream.read_exact(&mut text).ok().map(|()| text)
        });
        let _ = answer.send(greeting.is_some_and(|text| text == GREETING.as_bytes()));
    });
    came.recv().unwrap()
}

/// A thread in another network; returns when `work` says that it is ready.
pub fn inside(namespace: Option<String>, work: impl FnOnce(mpsc::Sender<()>) + Send + 'static) {
    let (ready, is_ready) = mpsc::channel();
    thread::spawn(move || {
        if let Some(path) = namespace {
            let namespace = File::open(path).unwrap();
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        }
        work(ready);
    });
    is_ready.recv().expect("a thread in another network");
}
