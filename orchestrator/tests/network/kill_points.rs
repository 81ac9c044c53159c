//! The orchestrator, a process of its own, is killed before and after each commit to its journal while a job goes
//! its way, and started again. Whatever the moment, the job ends the same.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use millrace_client::Keypair;
use millrace_link::rest::{JobStatus, TaskOutputs, TaskState};
use millrace_orchestrator::{Options, Service, Weights};
use millrace_protocol::{JobState, MicroUsdc, PricePerGpuHour, Seconds};
use serde::{Deserialize, Serialize};

use crate::market::{HEARTBEAT, Market, Rigging, spec};
use crate::rig::Rig;

const SETUP: &str = "ORCHESTRATOR_PROCESS_SETUP";
const TASKS: u32 = 2;
const TASK_TIME: Duration = Duration::from_millis(700);
/// The moments are dealt out to so many tests, which run beside each other.
const PARTS: usize = 4;
/// More commits than any of these lives has.
const TOO_MANY: usize = 400;

#[derive(Serialize, Deserialize)]
struct Setup {
    rpc_urls: Vec<String>,
    ws_urls: Vec<String>,
    scheduler_key: Vec<u8>,
    data_dir: PathBuf,
    link_addr: SocketAddr,
    http_addr: SocketAddr,
}

#[test]
#[ignore = "the orchestrator that the tests here kill, not a test"]
fn orchestrator_process() {
    let Some(setup) = std::env::var_os(SETUP) else { return };
    let setup: Setup = serde_json::from_slice(&fs::read(setup).unwrap()).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async move {
        let _running = Service::start(Options {
            rpc_urls: setup.rpc_urls,
            ws_urls: setup.ws_urls,
            scheduler_key: Arc::new(Keypair::try_from(setup.scheduler_key.as_slice()).unwrap()),
            data_dir: setup.data_dir,
            link_addr: setup.link_addr,
            http_addr: setup.http_addr,
            metrics: None,
            heartbeat: HEARTBEAT,
            connections_per_address: 1_000,
            public_http_url: None,
            weights: Weights::default(),
            keep_jobs: Seconds(30 * 86_400),
        })
        .await
        .unwrap();
        std::future::pending::<()>().await;
    });
}

fn library() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commits.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/network/stub/commits.c");
        let built = Command::new("cc")
            .args(["-std=gnu11", "-O1", "-shared", "-fPIC", "-o"])
            .arg(&path)
            .args([source, "-ldl"])
            .output()
            .expect("a C compiler: ./dev setup");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        (folder, path)
    });
    path
}

/// A started orchestrator; killed with the test.
struct Process {
    child: Child,
    said: PathBuf,
}

impl Process {
    fn start(folder: &Path, kill_at: Option<usize>) -> Self {
        let said = folder.join(if kill_at.is_some() { "first.log" } else { "second.log" });
        let log = File::create(&said).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["kill_points::orchestrator_process", "--exact", "--ignored", "--nocapture"])
            .env(SETUP, folder.join("setup.json"))
            .env("LD_PRELOAD", library())
            .env("MOMENTS", folder.join("moments"))
            .env_remove("KILL_AT")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if let Some(moment) = kill_at {
            command.env("KILL_AT", moment.to_string());
        }
        Self { child: command.spawn().unwrap(), said }
    }

    /// Whether SIGKILL has ended it. Any other end is a defect.
    fn is_dead(&mut self) -> bool {
        let Some(status) = self.child.try_wait().unwrap() else { return false };
        assert_eq!(status.signal(), Some(9), "it ended by itself: {}", fs::read_to_string(&self.said).unwrap());
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One life: a job from its opening to its closing. Whether the orchestrator was killed on the way.
async fn live(market: &mut Market, rigging: &Rigging, life: usize) -> bool {
    let folder = market.folder.path().join(life.to_string());
    fs::create_dir(&folder).unwrap();
    let options = Options { data_dir: folder.join("data"), ..market.options() };
    let setup = Setup {
        rpc_urls: options.rpc_urls,
        ws_urls: options.ws_urls,
        scheduler_key: options.scheduler_key.to_bytes().to_vec(),
        data_dir: options.data_dir,
        link_addr: options.link_addr,
        http_addr: options.http_addr,
    };
    fs::write(folder.join("setup.json"), serde_json::to_vec(&setup).unwrap()).unwrap();
    let mut process = Process::start(&folder, Some(life));
    let worker = Rig::new(market.link_url(), rigging, TASK_TIME);
    let working = worker.run();
    let mut asked = spec(TASKS);
    asked.terms.concurrent_leases = 1;
    asked.terms.deposit = MicroUsdc(600_000);
    asked.terms.lease_seconds = Seconds(600);
    let id = u64::try_from(life).unwrap();
    let job = millrace_client::address::job(millrace_client::keys::address_of(&market.buyer), id);
    let (mut opened, mut killed) = (false, false);
    let mut closed: Option<JobStatus> = None;
    for _ in 0..600 {
        if process.is_dead() {
            assert!(!killed, "it was killed once");
            killed = true;
            process = Process::start(&folder, None);
        }
        if !opened {
            // Sent again until it is taken: a buyer's own upload may meet a dead orchestrator.
            let sent = market.objects(&market.buyer).put_bytes(&asked.canonical_bytes()).await;
            if sent.is_ok() {
                market.open(id, &asked).await;
                opened = true;
            }
        } else if let Some(status) = market.find(job).await.filter(|status| status.closed) {
            closed = Some(status);
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let status = closed.unwrap_or_else(|| panic!("life {life} never ended"));
    let end = format!("killed at moment {life}: {status:#?}");
    assert_eq!(status.chain.state, JobState::Done, "{end}");
    assert!(status.tasks.iter().all(|task| task.state == TaskState::Done), "{end}");
    assert_eq!(status.leases.len(), 1, "{end}");
    let outputs: Vec<TaskOutputs> = market.get(&format!("/v1/jobs/{job}/outputs"), "").await.json().await.unwrap();
    assert_eq!(outputs.iter().map(|task| task.outputs.len()).collect::<Vec<_>>(), [1, 1], "{end}");
    for (task, outputs) in outputs.iter().enumerate() {
        let hash = outputs.outputs[0].sha256.parse().unwrap();
        let bytes = market.objects(&market.buyer).get_bytes(hash, 100).await.unwrap();
        assert_eq!(bytes, format!("frame {task}").into_bytes(), "{end}");
    }
    let paid = status.chain.paid.0 + status.chain.fees.0;
    let lease = &status.leases[0];
    assert_eq!(lease.chain.paid.0, paid, "{end}");
    // A task was handed out again at most once, and what the worker was promised is what it was paid for.
    let (n_assigned, promised) = {
        let journal = worker.journal.lock().unwrap();
        (journal.n_assigned, journal.vouchers.get(&lease.address).map_or(Seconds::ZERO, |last| last.metered))
    };
    assert!(n_assigned <= TASKS as usize + 1, "{n_assigned} hand-outs; {end}");
    assert!(lease.metered >= promised, "{promised:?} promised; {end}");
    let longest = TASK_TIME.as_secs() * 2 * u64::from(TASKS) + 10;
    assert!(lease.metered.0 <= longest, "metered twice? {end}");
    assert!(market.is_gone(job).await);
    working.abort();
    killed
}

/// Every moment of the part, one life after the other, until a life ends before its moment has come.
async fn every_moment(part: usize) {
    let mut market = Market::found().await;
    let rigging = market.add_rig("only", PricePerGpuHour(3_600_000)).await;
    market.stop().await;
    let mut life = part + 1;
    while live(&mut market, &rigging, life).await {
        market.check_sum(&[&rigging]).await;
        life += PARTS;
        assert!(life < TOO_MANY, "the job commits again and again");
    }
    println!("part {}: the last moment was {}", part + 1, life - PARTS);
    assert!(life > 2 * PARTS, "a life has more moments than {life}");
    market.check_sum(&[&rigging]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_commit_a_job_ends_the_same_part_1() {
    every_moment(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_commit_a_job_ends_the_same_part_2() {
    every_moment(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_commit_a_job_ends_the_same_part_3() {
    every_moment(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_commit_a_job_ends_the_same_part_4() {
    every_moment(3).await;
}
