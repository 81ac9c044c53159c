//! What gangs that wait cost.

use millrace_protocol::JobTerms;
use millrace_scheduler::{Core, Event, Now, Workload};
use millrace_spec::{Gang, Locality, Shape};

use crate::field::{self, Dice, NOW};
use crate::full::{TICK, add_job};
use crate::stopwatch::Stopwatch;

const MEMBERS: u16 = 8;
const TICKS: u64 = 60;
/// One node in so many has room.
const ONE_IN: u64 = 33;
/// Workers that go and others that come between two ticks.
const CHANGES: u64 = 5;
/// Milliseconds after which all of them have waited for so long that nodes may be kept for them.
const PATIENT: u64 = 660_000;

fn asked(dice: &mut Dice) -> (JobTerms, Workload) {
    let (terms, workload) = field::mix(dice.roll(field::MIXES), MEMBERS.into());
    let shape = Some(Shape::Gang(Gang { locality: Locality::Region }));
    (JobTerms { concurrent_leases: MEMBERS, ..terms }, Workload { shape, ..workload })
}

fn connects(dice: &mut Dice, number: u64, session: u64) -> Event {
    let images = field::images(dice).into_iter().collect();
    Event::WorkerConnected { node: field::address(b'N', number), session, images, held: Vec::new() }
}

/// A market with room on some of its nodes.
fn market(nodes: u64) -> (Core, Dice) {
    let (mut core, mut dice) = (field::core(), Dice(field::SEED));
    for number in 0..nodes {
        let (node, provider) = (field::address(b'N', number), field::address(b'P', number / 10));
        core.on_event(NOW, Event::ProviderSeen { provider, account: field::provider(&mut dice) });
        core.on_event(NOW, Event::NodeSeen { node, view: field::view(&mut dice, provider) });
        if number % ONE_IN == 0 {
            core.on_event(NOW, connects(&mut dice, number, 1));
        }
    }
    (core, dice)
}

/// The same, and so many gangs that wait.
fn waiting(nodes: u64, gangs: u64) -> (Core, Dice) {
    let (mut core, mut dice) = market(nodes);
    let placed: usize = (0..gangs).map(|number| add_job(&mut core, number, asked(&mut dice))).sum();
    assert!(placed as u64 * 10 < gangs.max(10), "{placed} of {gangs} gangs do not wait");
    (core, dice)
}

fn keep_alive(core: &mut Core, nodes: u64, now: Now) {
    for number in (0..nodes).step_by(ONE_IN as usize) {
        core.on_event(now, Event::Heartbeat { node: field::address(b'N', number), leases: Vec::new() });
    }
}

/// Of ticks in which nothing happens, from so many milliseconds on.
fn at_rest(nodes: u64, gangs: u64, from: u64) -> Stopwatch {
    let (mut core, _) = waiting(nodes, gangs);
    let mut watch = Stopwatch::default();
    keep_alive(&mut core, nodes, Now { millis: NOW.millis + from, ..NOW });
    for tick in 1..=TICKS {
        let now = Now { millis: NOW.millis + from + tick * TICK, ..NOW };
        watch.time(|| core.on_event(now, Event::Tick));
        if tick % 20 == 0 {
            keep_alive(&mut core, nodes, now);
        }
    }
    watch
}

/// Of ticks with workers that come and go: nodes come free where others have them soon.
fn in_motion(nodes: u64, gangs: u64) -> Stopwatch {
    let (mut core, mut dice) = waiting(nodes, gangs);
    let mut watch = Stopwatch::default();
    for tick in 1..=TICKS {
        let now = Now { millis: NOW.millis + tick * TICK, ..NOW };
        let moved: Vec<u64> = (0..CHANGES).map(|_| dice.roll(nodes)).filter(|number| number % ONE_IN != 0).collect();
        let came: Vec<Event> = moved.iter().map(|number| connects(&mut dice, *number, tick)).collect();
        let node = |number: &u64| field::address(b'N', *number);
        let left: Vec<Event> =
            moved.iter().map(|number| Event::WorkerDisconnected { node: node(number), session: tick }).collect();
        watch.time(|| {
            came.into_iter().for_each(|event| drop(core.on_event(now, event)));
            left.into_iter().for_each(|event| drop(core.on_event(now, event)));
            core.on_event(now, Event::Tick)
        });
        if tick % 20 == 0 {
            keep_alive(&mut core, nodes, now);
        }
    }
    watch
}

/// Of all of them that come, each planned once: what a tick would take that planned each anew.
fn arrivals(nodes: u64, gangs: u64) -> Stopwatch {
    let (mut core, mut dice) = market(nodes);
    let asked: Vec<_> = (0..gangs).map(|_| asked(&mut dice)).collect();
    let mut watch = Stopwatch::default();
    watch.time(|| {
        for (number, gang) in (0..).zip(asked) {
            add_job(&mut core, number, gang);
        }
    });
    watch
}

pub fn measure(nodes: u64, gangs: u64) {
    at_rest(nodes, gangs, 0);
    in_motion(nodes, gangs);
    arrivals(nodes, gangs);
}

/// Prints a section.
pub fn section() {
    let (nodes, gangs) = (10_000, 1_000);
    println!("### Gangs that wait\n");
    println!(
        "{gangs} gangs of {MEMBERS} members wait in a market of {nodes} nodes of which one in {ONE_IN} has room, which \
         is too few in every region; two ticks a second. *In motion*: {CHANGES} workers connect before each tick, and \
         go again. *After eleven minutes* each has waited for so long that nodes may be kept for it, if there will be \
         enough. Baselines in the same run: the market without a gang, and one in which all come and each is planned \
         once, as a tick would have to that planned each anew.\n"
    );
    let rest = [gangs, 0].map(|gangs| at_rest(nodes, gangs, 0));
    let late = [gangs, 0].map(|gangs| at_rest(nodes, gangs, PATIENT));
    let motion = [gangs, 0].map(|gangs| in_motion(nodes, gangs));
    let arrivals = [gangs, 0].map(|gangs| arrivals(nodes, gangs));
    println!("| a tick | mean | its longest | of one core | mean without gangs |\n|---|--:|--:|--:|--:|");
    let row = |name: &str, [mut with, without]: [Stopwatch; 2]| {
        let (mean, longest) = (with.mean() / 1_000.0, with.quantile(1_000) / 1_000.0);
        let baseline = without.mean() / 1_000.0;
        println!("| {name} | {mean:.3} ms | {longest:.2} ms | {:.2} % | {baseline:.3} ms |", share(&with));
    };
    row("at rest", rest);
    row("in motion, its events included", motion);
    row("after eleven minutes", late);
    row("all arrive, and each is planned once", arrivals);
    println!();
}

fn share(watch: &Stopwatch) -> f64 {
    watch.mean() / (TICK as f64 * 1_000.0) * 100.0
}
