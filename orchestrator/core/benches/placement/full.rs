//! The whole core: events in, offers out, with a queue of 100 000 tasks.

use millrace_protocol::{JobTerms, Parameters, transitions};
use millrace_scheduler::{Action, Core, Event, JobEntry, JobView, LeaseEntry, NodeView, Now, Story, Task, Workload};

use crate::field::{self, Dice, MIXES, NOW};
use crate::regression::{Calibrated, calibrated};
use crate::stopwatch::Stopwatch;

const BUYERS: u64 = 200;

/// Milliseconds from tick to tick, as the orchestrator has them.
pub const TICK: u64 = 500;
const MINUTE_OF_TICKS: u64 = 60_000 / TICK;

pub struct Figures {
    node_bytes: f64,
    job_bytes: f64,
    /// Where every job's workload is one of its own.
    own_bytes: f64,
    task_bytes: f64,
    arrivals: Stopwatch,
    /// Of one event each: a rig with work for it comes, or is free again.
    offers: Stopwatch,
    n_offers: usize,
    idle: Stopwatch,
    ticks: Stopwatch,
}

/// Returns the offers that follow.
pub fn add_job(core: &mut Core, number: u64, (terms, workload): (JobTerms, Workload)) -> usize {
    let opened = transitions::open_job(terms, &Parameters::default(), NOW.chain).expect("terms of the bench are valid");
    let job = field::address(b'J', number);
    let buyer = field::address(b'B', number % BUYERS);
    let view = field::job_view(number, buyer, opened);
    core.on_event(NOW, Event::JobSeen { job, view });
    offers(&core.on_event(NOW, Event::SpecFetched { job, workload }))
}

fn offers(actions: &[Action]) -> usize {
    actions.iter().filter(|action| matches!(action, Action::OfferLease(_))).count()
}

/// How many of the mixes each buyer asks for.
#[derive(Clone, Copy)]
pub enum Taste {
    /// A few of its own.
    Few,
    /// Any of all: the longest lines, with every buyer in each.
    Any,
}

const FEW: u64 = 10;

impl Taste {
    fn mix(self, buyer: u64, dice: &mut Dice) -> u64 {
        match self {
            Self::Few => (buyer * FEW + dice.roll(FEW)) % MIXES,
            Self::Any => dice.roll(MIXES),
        }
    }
}

pub fn measure(nodes: u64, tasks: u64, taste: Taste) -> Figures {
    let mut core = field::core();
    let mut dice = Dice(field::SEED);
    let before = crate::allocated();
    for number in 0..nodes {
        let (node, provider) = (field::address(b'N', number), field::address(b'P', number / 10));
        if number % 10 == 0 {
            core.on_event(NOW, Event::ProviderSeen { provider, account: field::provider(&mut dice) });
        }
        core.on_event(NOW, Event::NodeSeen { node, view: field::view(&mut dice, provider) });
        let images = field::images(&mut dice).into_iter().collect();
        core.on_event(NOW, Event::WorkerConnected { node, session: 1, images, held: Vec::new() });
    }
    let node_bytes = (crate::allocated() - before) as f64 / nodes as f64;

    // Nobody is there while the queue fills up.
    for number in 0..nodes {
        core.on_event(NOW, Event::WorkerDisconnected { node: field::address(b'N', number), session: 1 });
    }
    let before = crate::allocated();
    let mut arrivals = Stopwatch::default();
    for number in 0..tasks {
        let mix = field::mix(taste.mix(number % BUYERS, &mut dice), 1);
        arrivals.time(|| add_job(&mut core, number, mix));
    }
    let job_bytes = (crate::allocated() - before) as f64 / tasks as f64;

    let (mut timed, mut idle, mut n_offers) = (Stopwatch::default(), Stopwatch::default(), 0);
    for number in 0..nodes {
        let node = field::address(b'N', number);
        let images = field::images(&mut dice).into_iter().collect();
        let event = Event::WorkerConnected { node, session: 2, images, held: Vec::new() };
        n_offers += timed.time(|| offers(&core.on_event(NOW, event)));
    }
    for number in 0..nodes.min(10_000) {
        let event = Event::Heartbeat { node: field::address(b'N', number), leases: Vec::new() };
        idle.time(|| core.on_event(NOW, event));
    }
    // A minute of them.
    let mut ticks = Stopwatch::default();
    for tick in 0..MINUTE_OF_TICKS {
        let now = Now { millis: NOW.millis + tick * TICK, ..NOW };
        ticks.time(|| core.on_event(now, Event::Tick));
    }
    Figures {
        node_bytes,
        job_bytes,
        own_bytes: own_bytes(tasks, taste),
        task_bytes: array_bytes(tasks),
        arrivals,
        offers: timed,
        n_offers,
        idle,
        ticks,
    }
}

/// What a job takes that has a name of its own.
fn own_bytes(tasks: u64, taste: Taste) -> f64 {
    let mut core = field::core();
    let mut dice = Dice(field::SEED);
    let before = crate::allocated();
    for number in 0..tasks {
        let (terms, workload) = field::mix(taste.mix(number % BUYERS, &mut dice), 1);
        add_job(&mut core, number, (terms, Workload { name: format!("job-{number}"), ..workload }));
    }
    (crate::allocated() - before) as f64 / tasks as f64
}

/// What one task of a large array takes.
fn array_bytes(tasks: u64) -> f64 {
    let mut core = field::core();
    let before = crate::allocated();
    let count = u32::try_from(tasks).expect("a small number");
    add_job(&mut core, 0, field::mix(0, count));
    (crate::allocated() - before) as f64 / tasks as f64
}

/// What the entries take themselves, without the trees that they lie in and what they point to.
fn sizes() {
    println!("| of it | bytes |\n|---|--:|");
    let sizes = [
        ("a job's entry", size_of::<JobEntry>()),
        ("in it, its account", size_of::<JobView>()),
        ("what it asks for, shared with others that ask for the same", size_of::<Workload>()),
        ("what happened to it, once anything did", size_of::<Story>()),
        ("a task, once it is handed out", size_of::<Task>()),
        ("a lease's entry", size_of::<LeaseEntry>()),
        ("a node's account", size_of::<NodeView>()),
    ];
    for (name, size) in sizes {
        println!("| {name} | {size} |");
    }
    println!();
}

/// Prints a section and returns the microseconds of an offer, by taste.
pub fn section() -> [Calibrated; 2] {
    let (nodes, tasks) = (10_000, 100_000);
    println!("### The whole core\n");
    println!(
        "{tasks} jobs of one task each, of {BUYERS} buyers, queue up while no worker is there; then {nodes} workers \
         connect, and each such event ends with offers for whatever fits. Fair shares and explanations included; \
         nothing is written or sent. Each buyer asks for {FEW} mixes of its own, or for any of the {MIXES}: then \
         every line has every buyer in it. Memory is what is asked of the allocator, without its own overhead.\n"
    );
    let measured = [Taste::Few, Taste::Any].map(|taste| calibrated(|| measure(nodes, tasks, taste)));
    let [(mut few, around_few), (mut any, around_any)] = measured;
    println!("| | {FEW} mixes a buyer | any |\n|---|--:|--:|");
    let mut row = |name: &str, figure: &dyn Fn(&mut Figures) -> String| {
        println!("| {name} | {} | {} |", figure(&mut few), figure(&mut any));
    };
    let micros = |micros: f64| format!("{micros:.1} µs");
    let bytes = |bytes: f64| format!("{bytes:.0} B");
    row("offers made", &|figures| figures.n_offers.to_string());
    row("offers/s", &|figures| format!("{:.0}", figures.n_offers as f64 / figures.offers.total().as_secs_f64()));
    row("a worker connects and gets work: p50", &|figures| micros(figures.offers.quantile(500)));
    row("p99", &|figures| micros(figures.offers.quantile(990)));
    row("a job arrives and joins the queue (two events): p50", &|figures| micros(figures.arrivals.quantile(500)));
    row("p99", &|figures| micros(figures.arrivals.quantile(990)));
    row("a heartbeat without leases: mean", &|figures| micros(figures.idle.mean()));
    row("a tick while they wait: mean", &|figures| format!("{:.2} ms", figures.ticks.mean() / 1_000.0));
    row("its longest", &|figures| format!("{:.1} ms", figures.ticks.quantile(1_000) / 1_000.0));
    row("memory per idle node", &|figures| bytes(figures.node_bytes));
    row("memory per queued task of an array", &|figures| bytes(figures.task_bytes));
    row("memory per queued job of one task", &|figures| bytes(figures.job_bytes));
    row("the same, each with a name of its own", &|figures| bytes(figures.own_bytes));
    println!();
    sizes();
    [(few, around_few), (any, around_any)].map(|(figures, around)| {
        let micros = figures.offers.total().as_secs_f64() * 1e6 / figures.n_offers as f64;
        Calibrated { micros, around }
    })
}
