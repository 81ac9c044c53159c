//! The index alone: search, take, give back.

use std::collections::VecDeque;
use std::hint::black_box;

use millrace_protocol::{Address, MicroUsdc, Parameters};
use millrace_scheduler::{Candidate, Claim, Demand, Held, Market, Request, Resources, Weights};

use crate::field::{self, Dice, MIXES, NOW};
use crate::regression::{Calibrated, calibrated};
use crate::stopwatch::Stopwatch;

/// Nodes that a decision of the core remembers, the chosen one included.
const REMEMBERED: usize = 3;
/// Tasks that run at a time, per node; the oldest ends when there are more.
const RUNNING_PER_NODE: f64 = 1.6;

pub struct Figures {
    pub nodes: u64,
    pub placed: usize,
    pub unplaced: usize,
    /// Of whole lives: search, take, and the end of an older one.
    pub per_second: f64,
    /// Of decisions alone: search and take.
    pub decisions: Stopwatch,
    pub scans: Stopwatch,
}

pub fn market(nodes: u64) -> Market {
    let mut dice = Dice(field::SEED);
    let mut market = Market::new(Weights::default(), 30_000);
    market.set_parameters(NOW, Parameters::default());
    for number in 0..nodes {
        let (node, provider) = (field::address(b'N', number), field::address(b'P', number / 10));
        if number % 10 == 0 {
            market.set_provider(NOW, provider, field::provider(&mut dice));
        }
        market.set_node(NOW, node, field::view(&mut dice, provider));
        let images = field::images(&mut dice);
        market.set_images(NOW, node, images.iter().map(String::as_str));
        market.connect(NOW, node, 1);
    }
    market
}

fn claim(market: &Market, demand: &Demand, node: Address) -> Claim {
    let entry = market.node(node).expect("a node that was found");
    Claim {
        held: Held::Lease,
        buyer: None,
        node,
        provider: entry.view.provider,
        units: demand.units,
        bond: MicroUsdc(5_000_000),
        used: Resources {
            cpu_milli: demand.cpu_milli.into(),
            memory_mib: demand.memory_mib.into(),
            disk_mib: demand.disk_mib.into(),
        },
    }
}

/// What a look at every node chooses, by the same rules.
fn scan(market: &Market, request: &Request) -> Option<Candidate> {
    let weighed = market.nodes().filter_map(|(node, _)| market.weigh(NOW, request, node));
    weighed.min_by_key(|candidate| (candidate.failed, candidate.score.total(), candidate.node))
}

/// Decisions alone, and then the same ones beside a look at every node: such a look leaves nothing of the index
/// in the processor's caches.
pub fn measure(nodes: u64, tasks: u64) -> Figures {
    let scans = life(nodes, tasks, true).scans;
    Figures { scans, ..life(nodes, tasks, false) }
}

fn life(nodes: u64, tasks: u64, scanned: bool) -> Figures {
    let mut market = market(nodes);
    let demands: Vec<Demand> = (0..MIXES)
        .map(|number| {
            let (terms, workload) = field::mix(number, 1);
            Demand::new(&terms, &workload)
        })
        .collect();
    market.advance(NOW);
    let mut dice = Dice(field::SEED ^ 1);
    let (mut decisions, mut ends, mut scans) = (Stopwatch::default(), Stopwatch::default(), Stopwatch::default());
    let (mut running, mut unplaced) = (VecDeque::new(), 0);
    let most = (nodes as f64 * RUNNING_PER_NODE) as usize;
    for task in 0..tasks {
        let demand = &demands[usize::try_from(dice.roll(MIXES)).expect("a small number")];
        let request = Request::new(demand);
        let holder = field::address(b'L', task);
        let node = decisions.time(|| {
            let found = market.best(NOW, &request, REMEMBERED);
            let node = found.candidates.first()?.node;
            market.set_claim(NOW, holder, Some(claim(&market, demand, node)));
            Some(black_box(node))
        });
        if scanned && task % (tasks / 100).max(1) == 0 {
            // The market without this task, as the decision saw it.
            market.set_claim(NOW, holder, None);
            let best = scans.time(|| scan(&market, &request)).map(|candidate| candidate.node);
            assert_eq!(best, node, "the index and the scan disagree");
            if let Some(node) = node {
                market.set_claim(NOW, holder, Some(claim(&market, demand, node)));
            }
        }
        match node {
            Some(_) => running.push_back(holder),
            None => unplaced += 1,
        }
        if running.len() > most
            && let Some(oldest) = running.pop_front()
        {
            ends.time(|| market.set_claim(NOW, oldest, None));
        }
    }
    let placed = usize::try_from(tasks).expect("a small number") - unplaced;
    let per_second = placed as f64 / (decisions.total() + ends.total()).as_secs_f64();
    Figures { nodes, placed, unplaced, per_second, decisions, scans }
}

/// Prints a section and returns the microseconds of a decision by size of the market.
pub fn section() -> [Calibrated; 3] {
    println!("### The index\n");
    println!(
        "100 000 tasks one after the other, each searched with its {} runners-up and taken; at {RUNNING_PER_NODE} \
         tasks per node the oldest gives its node back. What fits nowhere counts as a decision, not as a placement. \
         Baseline: the same rules asked of every node (100 of the decisions, made once more and each checked to agree).\n",
        REMEMBERED - 1
    );
    println!("| nodes | placed | fitted nowhere | placements/s | decision p50 | p99 | mean | full scan p50 | mean |");
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    let means = [1_000, 10_000, 50_000].map(|nodes| {
        let (mut figures, around) = calibrated(|| measure(nodes, 100_000));
        println!(
            "| {} | {} | {} | {:.0} | {:.1} µs | {:.1} µs | {:.1} µs | {:.0} µs | {:.0} µs |",
            figures.nodes,
            figures.placed,
            figures.unplaced,
            figures.per_second,
            figures.decisions.quantile(500),
            figures.decisions.quantile(990),
            figures.decisions.mean(),
            figures.scans.quantile(500),
            figures.scans.mean(),
        );
        Calibrated { micros: figures.decisions.mean(), around }
    });
    let growth = means[2].micros / means[0].micros;
    println!("\nA decision among 50 000 nodes costs {growth:.2} times one among 1000, in the mean.\n");
    means
}
