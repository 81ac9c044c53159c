//! What gangs that wait cost: each asks for its nodes again at every tick.

use millrace_protocol::JobTerms;
use millrace_scheduler::{Action, Event, Now, Workload};
use millrace_spec::{Gang, Locality, Shape};

use crate::field::{self, Dice, NOW};
use crate::full::{TICK, add_job};
use crate::stopwatch::Stopwatch;

const MEMBERS: u16 = 8;
const TICKS: u64 = 60;

/// Microseconds of a tick while so many gangs wait, in a market of which one node in so many has room.
fn ticks(nodes: u64, one_in: u64, gangs: u64) -> Stopwatch {
    let mut core = field::core();
    let mut dice = Dice(field::SEED);
    for number in 0..nodes {
        let (node, provider) = (field::address(b'N', number), field::address(b'P', number / 10));
        core.on_event(NOW, Event::ProviderSeen { provider, account: field::provider(&mut dice) });
        core.on_event(NOW, Event::NodeSeen { node, view: field::view(&mut dice, provider) });
        if number % one_in == 0 {
            let images = field::images(&mut dice).into_iter().collect();
            core.on_event(NOW, Event::WorkerConnected { node, session: 1, images, held: Vec::new() });
        }
    }
    let mut offers = 0;
    for number in 0..gangs {
        let (terms, workload) = field::mix(dice.roll(field::MIXES), MEMBERS.into());
        let shape = Some(Shape::Gang(Gang { locality: Locality::Region }));
        let terms = JobTerms { concurrent_leases: MEMBERS, ..terms };
        offers += add_job(&mut core, number, (terms, Workload { shape, ..workload }));
    }
    let mut watch = Stopwatch::default();
    for tick in 1..=TICKS {
        let now = Now { millis: NOW.millis + tick * TICK, ..NOW };
        let actions = watch.time(|| core.on_event(now, Event::Tick));
        offers += actions.iter().filter(|action| matches!(action, Action::OfferLease(_))).count();
    }
    assert!(offers as u64 * 10 < gangs.max(10), "{offers} of {gangs} gangs do not wait");
    watch
}

pub fn measure(nodes: u64, gangs: u64) {
    ticks(nodes, 33, gangs);
}

/// Prints a section.
pub fn section() {
    let (nodes, gangs, one_in) = (10_000, 1_000, 33);
    println!("### Gangs that wait\n");
    println!(
        "{gangs} gangs of {MEMBERS} members wait in a market of {nodes} nodes of which one in {one_in} has room, which is \
         too few in every region. Each is planned anew at every tick, two a second. Baseline: the same market without \
         a gang.\n"
    );
    let [mut with, mut without] = [gangs, 0].map(|gangs| ticks(nodes, one_in, gangs));
    println!("| | {gangs} gangs | none (baseline) |\n|---|--:|--:|");
    println!("| a tick: mean | {:.2} ms | {:.2} ms |", with.mean() / 1_000.0, without.mean() / 1_000.0);
    let longest = [&mut with, &mut without].map(|watch| watch.quantile(1_000) / 1_000.0);
    println!("| its longest | {:.1} ms | {:.1} ms |", longest[0], longest[1]);
    println!("| of one core | {:.2} % | {:.2} % |\n", share(&with), share(&without));
}

fn share(watch: &Stopwatch) -> f64 {
    watch.mean() / (TICK as f64 * 1_000.0) * 100.0
}
