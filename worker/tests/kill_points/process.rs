//! The worker as a process of its own: this very test binary, asked for one test that is none.

use std::fs::File;
use std::future::pending;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};

use millrace_client::Keypair;
use millrace_client::accounts::{JobAccount, NodeAccount};
use millrace_protocol::{Address, gpu};
use millrace_spec::JobSpec;
use millrace_worker::container::docker::Docker;
use millrace_worker::{Options, Parts, PullPolicy, Service};
use serde::{Deserialize, Serialize};

use super::chain::FileChain;
use super::engine::Mortal;
use crate::support::nvml_stub::NvmlStub;
use crate::support::offer;

const FOLDER: &str = "WORKER_PROCESS_FOLDER";
const SETUP: &str = "setup.json";

/// What a worker's process must be told to be the same one each time it is started.
#[derive(Serialize, Deserialize)]
pub struct Setup {
    pub orchestrator_url: String,
    pub node_key: Vec<u8>,
    pub node: Address,
    pub job: Address,
    pub scheduler: Address,
    pub spec: Vec<u8>,
    /// What lists the rig's GPUs; none where they are simulated.
    pub nvml: Option<PathBuf>,
}

impl Setup {
    pub fn spec(&self) -> JobSpec {
        JobSpec::from_canonical(&self.spec).unwrap()
    }

    pub fn job(&self) -> JobAccount {
        JobAccount { address: self.job, ..offer::job(&self.spec(), 0) }
    }

    pub fn node(&self) -> NodeAccount {
        let mut account = offer::node(&self.node_key(), self.node);
        if self.nvml.is_some() {
            let hardware = &mut account.node.hardware;
            (hardware.simulated, hardware.gpu_class) = (false, gpu::class("a100-80gb").unwrap());
        }
        account
    }

    pub fn node_key(&self) -> Keypair {
        Keypair::try_from(self.node_key.as_slice()).unwrap()
    }

    fn load(folder: &Path) -> Self {
        serde_json::from_slice(&std::fs::read(folder.join(SETUP)).unwrap()).unwrap()
    }

    pub fn save(&self, folder: &Path) {
        std::fs::write(folder.join(SETUP), serde_json::to_vec(self).unwrap()).unwrap();
    }
}

/// The data folder inside of a life's folder.
pub fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

#[test]
#[ignore = "the worker that `kill_points` kills, not a test"]
fn worker_process() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async move {
        let setup = Setup::load(&folder);
        let chain = Arc::new(FileChain::new(&folder, setup.job(), setup.node(), setup.scheduler));
        let engine = Arc::new(Mortal::new(&folder, Docker::connect(None, PullPolicy::Never).await.unwrap()));
        let mut options = Options::new(&setup.orchestrator_url, setup.node_key(), data(&folder), vec![]);
        match setup.nvml {
            Some(library) => {
                options.nvml_library = library;
                options.toolkit = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stub/toolkit/mended").into();
            }
            None => options.simulated_gpus = vec!["rtx-4090:24576".parse().unwrap()],
        }
        options.disk_reserve_mib = 1;
        options.allow_network = false;
        let worker = Service::start_with(options, Parts { engine, chain }).await.unwrap();
        worker.run_until(pending()).await.unwrap();
    });
}

/// A started worker; killed with the test.
pub struct Worker {
    child: Child,
    folder: PathBuf,
}

impl Worker {
    /// `kill_at`: the moment, counted from one, at which it dies.
    pub fn start(folder: &Path, life: usize, kill_at: Option<usize>) -> Self {
        let said = File::create(folder.join(format!("worker-{life}.log"))).unwrap();
        // This very program, even where its file was replaced meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command
            .args(["kill_points::process::worker_process", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .env("LD_PRELOAD", library())
            .env("JOURNAL", data(folder).join("journal"))
            .env("MOMENTS", moments_path(folder, life))
            .env("CLOCK_STEP", folder.join("clock-step"))
            .env("JOURNAL_BROKEN", folder.join("journal-broken"))
            .env_remove("KILL_AT")
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said);
        if let Some(moment) = kill_at {
            command.env("KILL_AT", moment.to_string());
        }
        std::fs::write(folder.join("life"), life.to_string()).unwrap();
        Self { child: command.spawn().unwrap(), folder: folder.to_owned() }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// How it ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Whether SIGKILL has ended it. Any other end is a defect.
    pub fn is_dead(&mut self) -> bool {
        let Some(status) = self.child.try_wait().unwrap() else { return false };
        assert_eq!(status.signal(), Some(9), "the worker ended by itself: {}", said(&self.folder));
        true
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sets the clock of the machine, as workers of this life see it, by so many seconds.
pub fn step_clock(folder: &Path, seconds: i64) {
    std::fs::write(folder.join("clock-step"), seconds.to_string()).unwrap();
}

/// Lets no worker of this life write into its journal any more.
pub fn break_journal(folder: &Path) {
    std::fs::write(folder.join("journal-broken"), "").unwrap();
}

/// What all workers of a life have said.
pub fn said(folder: &Path) -> String {
    let mut logs: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    logs.iter().map(|log| std::fs::read_to_string(log).unwrap()).collect()
}

/// The moments that a worker of this life has passed, in order.
pub fn moments(folder: &Path, life: usize) -> Vec<String> {
    let text = std::fs::read_to_string(moments_path(folder, life)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn moments_path(folder: &Path, life: usize) -> PathBuf {
    folder.join(format!("moments-{life}"))
}

/// Inside of a worker: one more moment at which it may die.
pub fn pass(folder: &Path, moment: &str) {
    use std::io::Write;
    let life: usize = std::fs::read_to_string(folder.join("life")).unwrap().parse().unwrap();
    let mut file = File::options().create(true).append(true).open(moments_path(folder, life)).unwrap();
    // The preloaded library counts what is written here.
    file.write_all(moment.as_bytes()).unwrap();
}

/// GPUs that are the same in every life.
pub fn nvml() -> PathBuf {
    static BUILT: OnceLock<NvmlStub> = OnceLock::new();
    BUILT.get_or_init(|| NvmlStub::build(&[])).library()
}

fn library() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, library) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("moments.so");
        let built = Command::new("cc")
            .args(["-std=gnu11", "-O1", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stub/moments.c"))
            .arg("-ldl")
            .output()
            .expect("a C compiler: ./dev setup");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        (folder, library)
    });
    library
}
