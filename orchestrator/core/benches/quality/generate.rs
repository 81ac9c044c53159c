//! Where the recorded shapes come from: made once, from a seed, and committed. They are synthetic. Their features
//! are those that studies of GPU clusters report (Jeon et al., ATC '19; Weng et al., NSDI '22): most jobs want one
//! GPU, a few want a whole rig, run times spread over three orders of magnitude, and work arrives in bursts. The
//! numbers are ours.

use crate::dice::Dice;
use crate::shape::{Kind, Order, Rig, Shape};

const MINUTE: u64 = 60;

/// Model, usual price in micro-USDC per GPU-hour, and the GPUs of each of its rigs: three pairs of models of like
/// speed (A40 and A6000, A100 of 40 and of 80 GB, H100 on PCIe and SXM).
const MODELS: [(u8, u64, &[u16]); 6] = [
    (13, 390_000, &[1, 4, 8]),
    (16, 450_000, &[2, 4, 8]),
    (23, 1_250_000, &[2, 8]),
    (24, 1_500_000, &[4, 8]),
    (25, 2_100_000, &[2, 8]),
    (26, 2_500_000, &[8]),
];
/// Which of [`MODELS`] a job accepts, and how many in a hundred do: one, or either of a pair, because how long a
/// task lasts does not depend on the rig here.
const TASTES: [(&[usize], u64); 7] =
    [(&[0, 1], 30), (&[0], 10), (&[1], 10), (&[2, 3], 20), (&[3], 10), (&[4, 5], 12), (&[5], 8)];
/// GPUs of a task, and how many in a hundred want as many.
const SIZES: [(u16, u64); 4] = [(1, 70), (2, 12), (4, 10), (8, 8)];
/// How many tasks of a hundred last from 2^n to 2^(n+1) minutes: a median of a quarter of an hour, a tenth of
/// them over two hours.
const LENGTHS: [u64; 9] = [6, 10, 15, 19, 18, 13, 9, 6, 4];
const BUYERS: u64 = 12;
/// The two regions of the market with gangs; all others have one.
const REGIONS: [u8; 2] = [4, 5];
/// A rig of the market with services dies once in so many seconds, in the mean, and is away for a while.
const LIFE: u64 = 10 * 3_600;
const AWAY: u64 = 30 * MINUTE;

/// One of them, as often as its weight says.
fn pick<T: Copy>(dice: &mut Dice, of: &[(T, u64)]) -> T {
    let mut rest = dice.roll(of.iter().map(|(_, weight)| weight).sum());
    for (item, weight) in of {
        match rest.checked_sub(*weight) {
            Some(less) => rest = less,
            None => return *item,
        }
    }
    unreachable!("a roll under the sum of the weights")
}

fn length(dice: &mut Dice) -> u64 {
    let octaves: Vec<(u32, u64)> = (0..).zip(LENGTHS).collect();
    let shortest = 1 << pick(dice, &octaves);
    (shortest + dice.roll(shortest)) * MINUTE
}

/// Runs of one program over like inputs last alike: up to a fifth more or less.
fn about(dice: &mut Dice, usual: u64) -> u64 {
    (usual * (80 + dice.roll(41)) / 100 / MINUTE).max(1) * MINUTE
}

/// Geometric, from one on, of the mean.
fn count(dice: &mut Dice, mean: u64, most: u64) -> u64 {
    let mut count = 1;
    while count < most && dice.roll(mean) > 0 {
        count += 1;
    }
    count
}

pub fn market(dice: &mut Dice) -> Vec<Rig> {
    let rigs = MODELS
        .into_iter()
        .flat_map(|(gpu_class, usual, sizes)| sizes.iter().map(move |gpus| (gpu_class, usual, *gpus)));
    let mut market: Vec<Rig> = rigs
        .map(|(gpu_class, usual, gpus)| {
            let price = usual * (80 + dice.roll(51)) / 100;
            Rig { gpu_class, gpus, price, region: 4, outages: Vec::new() }
        })
        .collect();
    // As they came, which is in no order.
    for last in (1..market.len()).rev() {
        market.swap(last, usize::try_from(dice.roll(last as u64 + 1)).expect("few"));
    }
    market
}

/// What a buyer asks for again and again.
fn order(dice: &mut Dice, buyer: u32) -> Order {
    let accepted = pick(dice, &TASTES);
    let dearest = accepted.iter().map(|model| MODELS[*model].1).max().unwrap_or(0);
    Order {
        kind: Kind::Tasks,
        arrival: 0,
        buyer,
        gpu_classes: accepted.iter().fold(0, |mask, model| mask | 1 << MODELS[*model].0),
        gpus: pick(dice, &SIZES),
        cap: dearest * (110 + dice.roll(41)) / 100,
        leases: 1,
        lengths: Vec::new(),
    }
}

/// Work comes in bursts, each of one buyer: a sweep of like jobs, or one array of tasks.
pub fn bursty(dice: &mut Dice, jobs: usize) -> Shape {
    let rigs = market(dice);
    let mut orders = Vec::new();
    let mut burst_at = 0;
    while orders.len() < jobs {
        burst_at += exponential(dice, 12 * MINUTE);
        let buyer = u32::try_from(dice.roll(BUYERS)).expect("few");
        let like = order(dice, buyer);
        if !rigs.iter().any(|rig| rig.serves(&like)) {
            continue;
        }
        let size = count(dice, 4, 12);
        let usual = length(dice);
        if dice.often(30) {
            let lengths = (0..size).map(|_| about(dice, usual)).collect();
            let leases = 1 + u16::try_from(dice.roll(4)).expect("few");
            orders.push(Order { arrival: burst_at, leases, lengths, ..like });
            continue;
        }
        let mut arrival = burst_at;
        for _ in 0..size {
            orders.push(Order { arrival, lengths: vec![about(dice, usual)], ..like.clone() });
            arrival += dice.roll(2) * MINUTE;
        }
    }
    orders.sort_by_key(|order| order.arrival);
    Shape { rigs, orders }
}

/// One gang of two to four members for two jobs of single tasks, in two regions.
pub fn gangs(dice: &mut Dice, jobs: usize) -> Shape {
    let mut shape = Shape { rigs: market(dice), orders: Vec::new() };
    for (number, rig) in shape.rigs.iter_mut().enumerate() {
        rig.region = REGIONS[number % REGIONS.len()];
    }
    let mut arrival = 0;
    while shape.orders.len() < jobs {
        arrival += exponential(dice, 4 * MINUTE);
        let buyer = u32::try_from(dice.roll(BUYERS)).expect("few");
        let mut order = Order { arrival, lengths: vec![length(dice)], ..order(dice, buyer) };
        if dice.often(33) {
            let members = pick(dice, &[(2, 60), (3, 20), (4, 20)]);
            order.kind = Kind::Gang;
            order.lengths = vec![order.lengths[0]; members];
            order.leases = u16::try_from(members).expect("few");
        }
        if shape.can_serve(&order) {
            shape.orders.push(order);
        }
    }
    shape
}

/// Services of one to four replicas that come and go, on rigs that die and come back.
pub fn services(dice: &mut Dice, jobs: usize) -> Shape {
    let mut shape = Shape { rigs: market(dice), orders: Vec::new() };
    let mut arrival = 0;
    while shape.orders.len() < jobs {
        arrival += exponential(dice, 40 * MINUTE);
        let buyer = u32::try_from(dice.roll(BUYERS)).expect("few");
        let replicas = pick(dice, &[(1, 40), (2, 40), (3, 10), (4, 10)]);
        let run_for = (30 + dice.roll(450)) * MINUTE;
        let mut order = Order { kind: Kind::Service, arrival, lengths: vec![run_for; replicas], ..order(dice, buyer) };
        // A lease on a dead rig counts until the chain's deadline.
        order.leases = u16::try_from(2 * replicas).expect("few");
        if shape.can_serve(&order) {
            shape.orders.push(order);
        }
    }
    let end = shape.orders.iter().map(|order| order.arrival + order.lengths[0]).max().unwrap_or(0);
    for rig in &mut shape.rigs {
        let mut from = exponential(dice, LIFE).max(1);
        while from < end {
            let until = from + exponential(dice, AWAY) + MINUTE;
            rig.outages.push((from, until));
            from = until + exponential(dice, LIFE).max(1);
        }
    }
    shape
}

/// Whole seconds, of the mean: a twentieth of the mean for each time that a die of twenty sides is not zero.
fn exponential(dice: &mut Dice, mean: u64) -> u64 {
    let step = (mean / 20).max(1);
    let mut sum = 0;
    while dice.roll(20) > 0 {
        sum += step;
    }
    sum
}

/// A part of the market and, from one moment on, its share of the jobs: those that its GPUs would get if every
/// GPU that serves a job were as likely to. So it is as loaded as the whole, or `crowd` times as much. It ends with
/// the job that makes `pieces` of independent starts, of which a gang is one.
pub fn sample(dice: &mut Dice, whole: &Shape, (rigs, pieces): (usize, usize), crowd: u64) -> Shape {
    loop {
        let mut kept = Vec::new();
        while kept.len() < rigs {
            let at = usize::try_from(dice.roll(whole.rigs.len() as u64)).expect("few");
            if !kept.contains(&at) {
                kept.push(at);
            }
        }
        kept.sort_unstable();
        let mut part = Shape { rigs: kept.into_iter().map(|at| whole.rigs[at].clone()).collect(), orders: Vec::new() };
        let start = usize::try_from(dice.roll(whole.orders.len() as u64 * 2 / 3)).expect("few");
        let first = whole.orders[start].arrival;
        let mut left = pieces;
        for order in &whole.orders[start..] {
            let gpus = |rigs: &[Rig]| -> u64 {
                rigs.iter().filter(|rig| rig.serves(order)).map(|rig| u64::from(rig.gpus)).sum()
            };
            let (here, there) = (gpus(&part.rigs), gpus(&whole.rigs));
            let mut order = Order { arrival: order.arrival - first, ..order.clone() };
            if order.kind != Kind::Gang {
                order.lengths.truncate(left);
            }
            if dice.roll(there) >= here * crowd || !part.can_serve(&order) {
                continue;
            }
            left -= if order.kind == Kind::Gang { 1 } else { order.lengths.len() };
            part.orders.push(order);
            if left == 0 {
                break;
            }
        }
        for rig in &mut part.rigs {
            let later = |(from, until): &(u64, u64)| Some((from.checked_sub(first)?, until - first));
            rig.outages = rig.outages.iter().filter_map(later).filter(|(from, _)| *from > 0).collect();
        }
        if left == 0 {
            return part;
        }
    }
}
