//! Heartbeats of workers at work: the core's event, its records as they are written, the vouchers as they are
//! signed.

use std::hint::black_box;
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use millrace_protocol::transitions::{self, LeaseOffer};
use millrace_protocol::{Address, Job, JobTerms, Parameters, Provider, Seconds, UnixSeconds};
use millrace_scheduler::{
    Action, Core, DrawSecret, Event, JobView, LeaseView, NodeView, Now, Record, Settings, TaskPhase, TaskProgress,
    Weights, Workload,
};

use crate::field::{self, Dice, NOW};
use crate::full::TICK;
use crate::regression::{Calibrated, calibrated};
use crate::stopwatch::Stopwatch;

/// Milliseconds between two heartbeats of a worker.
const INTERVAL: u64 = 10_000;
const ROUNDS: u64 = 6;

#[derive(Default)]
pub struct Figures {
    pub core: Stopwatch,
    pub records: Stopwatch,
    pub signing: Stopwatch,
    vouchers: usize,
    ticks: Stopwatch,
}

impl Figures {
    fn whole(&self) -> Duration {
        self.core.total() + self.records.total() + self.signing.total() + self.ticks.total()
    }

    /// Microseconds of one heartbeat, with its share of the ticks.
    pub fn mean(&self) -> f64 {
        self.whole().as_secs_f64() * 1e6 / self.core.runs() as f64
    }
}

/// A job and its account.
struct Work {
    job: Address,
    view: JobView,
}

fn open(core: &mut Core, number: u64, tasks: u16) -> Work {
    let terms = field::mix(0, 1).0;
    let requirements =
        millrace_protocol::Requirements { gpu_classes: 0, vram_mib: 0, regions: 0, ..terms.requirements };
    let requirements = millrace_protocol::Requirements { units: millrace_protocol::GpuUnits(1), ..requirements };
    let terms = JobTerms {
        requirements,
        concurrent_leases: tasks,
        maximum_price: millrace_protocol::PricePerGpuHour(10_000_000),
        spot: false,
        service_level: millrace_protocol::ServiceLevel::None,
        verification: millrace_protocol::Verification::Attested,
        ..terms
    };
    let job = transitions::open_job(terms, &Parameters::default(), NOW.chain).expect("terms of the bench are valid");
    let (address, buyer) = (field::address(b'J', number), field::address(b'B', number));
    let view = field::job_view(number, buyer, job);
    let workload = Workload { name: "bench".to_owned(), tasks: tasks.into(), task_retries: 1, ..Workload::default() };
    core.on_event(NOW, Event::JobSeen { job: address, view });
    core.on_event(NOW, Event::SpecFetched { job: address, workload });
    Work { job: address, view }
}

/// The lease as the chain would open it.
fn lease(job: &mut Job, view: &mut NodeView, provider: &mut Provider) -> millrace_protocol::Lease {
    let offer = LeaseOffer { price: view.node.price, negotiated: false, maximum: Seconds(3_600) };
    let parameters = Parameters::default();
    transitions::open_lease(job, &mut view.node, provider, offer, &parameters, NOW.chain).expect("the node fits")
}

/// `workers` that each work on a lease, so many of them for the same job.
pub fn measure(workers: u64, leases_per_job: u16) -> Figures {
    let attestor = field::address(b'A', 0);
    let settings = Settings {
        program: Address::default(),
        attestor,
        heartbeat_millis: INTERVAL,
        weights: Weights::default(),
        draw_secret: DrawSecret([0; 32]),
        keep_jobs: Seconds(30 * 86_400),
    };
    let mut core = Core::new(settings);
    let mut dice = Dice(field::SEED);
    core.on_event(NOW, Event::ParametersSeen(Parameters::default()));
    let mut work = open(&mut core, 0, leases_per_job);
    for number in 0..workers {
        if number > 0 && number % u64::from(leases_per_job) == 0 {
            work = open(&mut core, number, leases_per_job);
        }
        let (node, owner) = (field::address(b'N', number), field::address(b'P', number / 10));
        let mut provider = field::provider(&mut dice);
        provider.reputation = millrace_protocol::Reputation::default();
        let mut view = field::view(&mut dice, owner);
        let index = work.view.job.leases_opened;
        let opened = lease(&mut work.view.job, &mut view, &mut provider);
        let address = field::address(b'L', number);
        let seen = LeaseView { job: work.job, node, provider: owner, number: index, attestor, lease: opened };
        core.on_event(NOW, Event::ProviderSeen { provider: owner, account: provider });
        core.on_event(NOW, Event::NodeSeen { node, view });
        core.on_event(NOW, Event::JobSeen { job: work.job, view: work.view });
        core.on_event(NOW, Event::LeaseSeen { lease: address, view: seen });
        let connected = Event::WorkerConnected { node, session: 1, images: [].into(), held: Vec::new() };
        for action in core.on_event(NOW, connected) {
            if let Action::AssignTask { node, lease, task, attempt, .. } = action {
                let progress = TaskProgress::Phase { phase: TaskPhase::Running, bytes: (0, 0) };
                core.on_event(NOW, Event::TaskUpdate { node, lease, task, attempt, progress });
            }
        }
    }
    beat(&mut core, workers)
}

fn beat(core: &mut Core, workers: u64) -> Figures {
    let key = SigningKey::from_bytes(&[7; 32]);
    let mut figures = Figures::default();
    let ticks = INTERVAL / TICK;
    for tick in 1..=ROUNDS * ticks {
        let passed = tick * TICK;
        let now = Now { millis: NOW.millis + passed, chain: UnixSeconds(NOW.chain.0 + passed / 1_000) };
        for number in (tick % ticks..workers).step_by(ticks as usize) {
            let leases = vec![field::address(b'L', number)];
            let event = Event::Heartbeat { node: field::address(b'N', number), leases };
            let actions = figures.core.time(|| core.on_event(now, event));
            let records = actions.iter().filter_map(|action| match action {
                Action::Persist(Record::Lease(record)) => Some(record),
                _ => None,
            });
            figures.records.time(|| {
                records.for_each(|record| {
                    black_box(serde_json::to_string(record).expect("a record"));
                });
            });
            for action in &actions {
                if let Action::IssueVoucher { voucher, .. } = action {
                    figures.signing.time(|| black_box(key.sign(&voucher.encode())));
                    figures.vouchers += 1;
                }
            }
        }
        figures.ticks.time(|| core.on_event(now, Event::Tick));
    }
    let expected = usize::try_from(workers * ROUNDS).expect("a small number");
    assert!(figures.vouchers > expected * 99 / 100, "heartbeats are answered with vouchers");
    figures
}

/// Prints a section and returns the microseconds of a heartbeat.
pub fn section() -> Calibrated {
    let workers = 10_000;
    println!("### Heartbeats\n");
    println!(
        "{workers} workers with a lease each, a heartbeat every {} s, spread over it, for {} s; each is answered with \
         a new voucher. Measured: the core's event, the lease's record as JSON, the voucher's bytes and their ed25519 \
         signature, and all ticks of that time, two a second. Not in it: SQLite's write of the record and gRPC. \
         Baseline: the signature alone.\n",
        INTERVAL / 1_000,
        ROUNDS * INTERVAL / 1_000
    );
    println!("| leases of a job | event | record | voucher signed | tick | longest tick | together | of one core |");
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
    let [alone, _] = [1, 50].map(|leases_per_job| {
        let (mut figures, around) = calibrated(|| measure(workers, leases_per_job));
        let share = figures.whole().as_secs_f64() * 1_000.0 / (ROUNDS * INTERVAL) as f64;
        println!(
            "| {leases_per_job} | {:.1} µs | {:.1} µs | {:.1} µs | {:.0} µs | {:.1} ms | {:.1} µs | {:.1} % |",
            figures.core.mean(),
            figures.records.mean(),
            figures.signing.mean(),
            figures.ticks.mean(),
            figures.ticks.quantile(1_000) / 1_000.0,
            figures.mean(),
            share * 100.0,
        );
        Calibrated { micros: figures.mean(), around }
    });
    println!();
    alone
}
