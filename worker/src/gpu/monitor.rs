use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use millrace_agent::{GpuFault, Severity};
use tokio::sync::mpsc::{UnboundedSender, WeakUnboundedSender};
use tokio::sync::watch;
use tokio::time::timeout;

use super::health::Health;
use super::nvml::{Driver, Events, Said};
use super::{Gpu, Reading, Sample};

/// Between two looks at every GPU.
pub(super) const LOOK: Duration = Duration::from_secs(5);
/// How long a look may take that somebody waits for: a driver that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long it listens to the driver at a time, and so how soon it looks when asked to.
const LISTEN: Duration = Duration::from_millis(500);

/// A fault of the GPU at a position of the inventory.
pub type Fault = (u16, GpuFault);

/// Watches a rig's GPUs from a thread of its own: the driver's calls block. The thread ends when nobody
/// listens to its faults any more.
#[derive(Clone)]
pub struct Monitor {
    asked: Arc<AtomicU64>,
    looked: watch::Receiver<Looked>,
    /// Not kept from closing by whoever may still ask.
    faults: WeakUnboundedSender<Fault>,
}

/// What the last look saw.
#[derive(Clone, Debug, Default)]
struct Looked {
    /// The last request that was made before it began.
    answered: u64,
    /// GPUs whose work must be handed back.
    failed: BTreeMap<u16, GpuFault>,
    /// Of the GPUs that could be read, and when.
    readings: BTreeMap<u16, Reading>,
    read_at: Option<Instant>,
}

impl Monitor {
    /// Watches `gpus` through the driver's `library`.
    pub fn start(library: PathBuf, gpus: Vec<Gpu>, faults: UnboundedSender<Fault>) -> Self {
        let asked = Arc::new(AtomicU64::new(0));
        let (looked, last) = watch::channel(Looked::default());
        let weak = faults.downgrade();
        let watcher = Watcher { healths: vec![Health::default(); gpus.len()], gpus, faults, looked };
        let requests = asked.clone();
        thread::spawn(move || match Driver::load(&library) {
            Ok(driver) => watcher.run(&driver, &requests),
            Err(error) => tracing::error!(%error, "nobody watches the GPUs: the driver cannot be asked any more"),
        });
        Self { asked, looked: last, faults: weak }
    }

    /// How a GPU was at the last look; `None` where it could not be read.
    pub fn reading(&self, gpu: u16) -> Option<Reading> {
        self.looked.borrow().readings.get(&gpu).copied()
    }

    /// How all GPUs that could be read were at the last look, and when that was; `None` before the first.
    pub fn last_look(&self) -> Option<(Instant, BTreeMap<u16, Reading>)> {
        let looked = self.looked.borrow();
        looked.read_at.map(|at| (at, looked.readings.clone()))
    }

    /// Looks now, and says why one of these GPUs cannot have finished its work, or may not have: also where the driver
    /// tells nothing of it, or hangs, which is a fault of these GPUs then. `None`, too, where there is nobody left to look.
    pub async fn failure_of(&self, gpus: &[u16]) -> Option<GpuFault> {
        let request = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut looked = self.looked.clone();
        let Ok(looked) = timeout(PATIENCE, looked.wait_for(|looked| looked.answered >= request)).await else {
            if let Some(faults) = self.faults.upgrade() {
                for gpu in gpus {
                    let _ = faults.send((*gpu, GpuFault::Silent));
                }
            }
            return Some(GpuFault::Silent);
        };
        let looked = looked.ok()?;
        // One that could not be read and has not failed is one that the driver told nothing of.
        let is_silent = |gpu| !looked.readings.contains_key(gpu);
        let fault = |gpu| looked.failed.get(gpu).copied().or(is_silent(gpu).then_some(GpuFault::Silent));
        gpus.iter().find_map(fault)
    }
}

/// The thread's own.
struct Watcher {
    gpus: Vec<Gpu>,
    healths: Vec<Health>,
    faults: UnboundedSender<Fault>,
    looked: watch::Sender<Looked>,
}

impl Watcher {
    fn run(mut self, driver: &Driver, asked: &AtomicU64) {
        let mut events = driver.events(&self.gpus);
        if events.is_none() {
            tracing::warn!("no GPU tells its Xid errors: only what a look shows is noticed");
        }
        let mut last: Option<Instant> = None;
        while !self.faults.is_closed() {
            let request = asked.load(Ordering::SeqCst);
            let wanted = request > self.looked.borrow().answered;
            if wanted || last.is_none_or(|last| last.elapsed() >= LOOK) {
                self.look(driver, request);
                last = Some(Instant::now());
            }
            match listen(events.as_ref()) {
                Said::Nothing => {}
                Said::Xid { uuid, number } => self.xid(&uuid, number),
                Said::Trouble => {
                    // One lost GPU silences the events of all: the others are listened to without it.
                    self.look(driver, request);
                    events = driver.events(&self.present());
                    thread::sleep(LISTEN);
                }
            }
        }
    }

    /// GPUs that have not failed.
    fn present(&self) -> Vec<Gpu> {
        let looked = self.looked.borrow();
        let present = (0..).zip(&self.gpus).filter(|(position, _)| !looked.failed.contains_key(position));
        present.map(|(_, gpu)| gpu.clone()).collect()
    }

    fn look(&mut self, driver: &Driver, request: u64) {
        let now = Instant::now();
        let samples: Vec<Sample> = self.gpus.iter().map(|gpu| driver.sample(gpu)).collect();
        // Before any fault is told: who hears of one must not find an older reading.
        let readings = (0..).zip(&samples).filter_map(|(gpu, sample)| match sample {
            Sample::Read(reading) => Some((gpu, *reading)),
            _ => None,
        });
        let readings = readings.collect();
        self.looked.send_modify(|looked| (looked.readings, looked.read_at) = (readings, Some(Instant::now())));
        for (position, sample) in samples.iter().enumerate() {
            if let Sample::Unknown(error) = sample {
                tracing::warn!(gpu = self.gpus[position].uuid, error, "the GPU cannot be asked how it is");
            }
            for fault in self.healths[position].take(sample, now) {
                self.tell(position, fault);
            }
        }
        self.looked.send_modify(|looked| looked.answered = request);
    }

    fn xid(&mut self, uuid: &str, number: u64) {
        for position in 0..self.gpus.len() {
            if self.gpus[position].uuid == uuid || self.gpus[position].board() == uuid {
                self.tell(position, GpuFault::Xid(number));
            }
        }
    }

    fn tell(&self, position: usize, fault: GpuFault) {
        let Ok(gpu) = u16::try_from(position) else { return };
        if fault.severity() == Severity::HandBack {
            // A look finds it failed again each time: said once.
            if self.looked.borrow().failed.contains_key(&gpu) {
                return;
            }
            self.looked.send_modify(|looked| {
                looked.failed.insert(gpu, fault);
            });
        }
        let _ = self.faults.send((gpu, fault));
    }
}

fn listen(events: Option<&Events<'_>>) -> Said {
    match events {
        Some(events) => events.wait(LISTEN),
        None => {
            thread::sleep(LISTEN);
            Said::Nothing
        }
    }
}
