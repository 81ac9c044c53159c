use std::future::pending;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use millrace_client::Keypair;
use millrace_client::keys::address_of;
use millrace_worker::{Options, Parts, Service};
use tokio::time::{Instant, sleep};

use crate::engine;
use crate::support::objects::Objects;
use crate::support::offer::{self, OneJob};
use crate::support::orchestrator::Orchestrator;

/// The argument that makes this program the worker that is measured.
pub const WORKER: &str = "worker";
const TIME: Duration = Duration::from_secs(60);
/// What orchestrators ask for unless they are told otherwise.
const HEARTBEAT: u64 = 10_000;
/// Units of processor time in `/proc/PID/stat` (proc(5), `USER_HZ`).
const TICKS: f64 = 100.0;

/// A process with a worker and nothing else, until it is killed.
pub async fn work(setup: &[&str]) {
    let [url, key, folder] = *setup else { panic!("three arguments") };
    let key = Keypair::from_base58_string(key);
    let node = offer::node(&key, address_of(&key));
    let job = offer::job(&offer::spec("true"), 0);
    let chain = Arc::new(OneJob::new(job, address_of(&key)));
    *chain.node.lock().expect("nobody panics") = Some(node);
    let mut options = Options::new(url, key, folder, vec![]);
    options.simulated_gpus = vec!["rtx-4090:24576".parse().expect("a GPU")];
    options.disk_reserve_mib = 1;
    let parts = Parts { engine: engine().await, chain };
    let worker = Service::start_with(options, parts).await.expect("a worker");
    worker.run_until(pending()).await.expect("a worker that goes on");
}

/// What a connected worker takes that has nothing to do.
pub async fn section() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = Keypair::new();
    let objects = Objects::default().serve().await;
    let mut orchestrator = Orchestrator::start_beating(address_of(&key), objects, HEARTBEAT).await;
    let worker = Process::start(&orchestrator.url, &key, folder.path());
    orchestrator.resume().await;
    // What it does once, at its start.
    sleep(Duration::from_secs(3)).await;
    let (from, began) = (worker.ticks(), Instant::now());
    let mut most = 0;
    while began.elapsed() < TIME {
        most = most.max(worker.resident_kib());
        sleep(Duration::from_secs(1)).await;
    }
    let share = (worker.ticks() - from) as f64 / TICKS / began.elapsed().as_secs_f64() * 100.0;

    println!("### An idle worker\n");
    println!(
        "A process of its own with nothing but the worker in it, connected, a heartbeat every {} s, for {} s; the most \
         of `VmRSS` and the processor time in `/proc`, which counts hundredths of a second.\n",
        HEARTBEAT / 1_000,
        TIME.as_secs()
    );
    println!("| | measured | target |\n|---|--:|--:|");
    println!("| resident memory | {:.1} MiB | 30 MiB |", most as f64 / 1_024.0);
    println!("| of it its own, not the program's file | {:.1} MiB | |", worker.anonymous_kib() as f64 / 1_024.0);
    println!("| of one core | {share:.2} % | 0.5 % |\n");
}

struct Process(Child);

impl Process {
    fn start(url: &str, key: &Keypair, folder: &std::path::Path) -> Self {
        let program = std::env::current_exe().expect("this program");
        let child = Command::new(program).args([WORKER, url, &key.to_base58_string()]).arg(folder).spawn();
        Self(child.expect("it starts"))
    }

    /// Processor time, user and system.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).expect("it runs");
        // After the name, which may hold anything; `utime` and `stime` are the 14th and 15th field.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        fields[11..=12].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }

    fn resident_kib(&self) -> u64 {
        self.status("VmRSS:")
    }

    fn anonymous_kib(&self) -> u64 {
        self.status("RssAnon:")
    }

    fn status(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a field of proc(5)");
        line.split_whitespace().next().expect("a number").parse().expect("a number")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
