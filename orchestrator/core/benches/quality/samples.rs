//! Samples small enough for the optimum.

use crate::optimum::{Aim, Knowledge, optimum};
use crate::policy::Policy;
use crate::recorded::Recorded;
use crate::shape::Shape;
use crate::value::{Value, broken};
use crate::world::Stint;

const RANDOM_RUNS: u64 = 3;
/// What the scheduler is asked to stay within, as a share of the optimum.
const ALLOWED: f64 = 1.05;

/// How much longer and how much dearer than the optimum, as shares of it.
#[derive(Clone, Copy)]
struct Ratio {
    time: f64,
    cost: f64,
}

/// Of one sample.
struct Measured {
    scheduler: Ratio,
    others: [Ratio; 2],
    /// Dearer than the cheapest schedule that is as fast.
    cost_at_same_time: f64,
    /// Slower than the fastest that knows no more than who is there.
    time_as_it_comes: f64,
    /// How much slower than the optimum that one is itself.
    best_as_it_comes: f64,
}

fn share(of: u64, to: u64) -> f64 {
    if of == to { 1.0 } else { of as f64 / to.max(1) as f64 }
}

/// Of services the time that they ran counts, and what an hour of it costs.
fn ratio(value: Value, best: Value) -> Ratio {
    if best.served > 0 {
        let time = share(best.served, value.served);
        return Ratio { time, cost: share(value.cost, best.cost) * time };
    }
    Ratio { time: share(value.delay, best.delay), cost: share(value.cost, best.cost) }
}

/// None where the search is too large.
fn measure(shape: &Shape) -> Option<Measured> {
    let run = Policy::Scheduler.live(shape, 0);
    let value = Value::of(shape, &run.stints);
    let best = |aim: Aim, knowledge: &Knowledge| {
        let found = optimum(shape, aim, knowledge, &run.stints)?;
        assert_eq!(broken(shape, &found.stints), None, "an optimum that breaks a rule");
        Some(Value::of(shape, &found.stints))
    };
    let least = best(Aim::Delay, &Knowledge::All)?;
    let of = |stints: &[Stint]| ratio(Value::of(shape, stints), least);
    let random: Vec<Ratio> = (0..RANDOM_RUNS).map(|seed| of(&Policy::Random.live(shape, seed).stints)).collect();
    let mean = |pick: fn(&Ratio) -> f64| random.iter().map(pick).sum::<f64>() / RANDOM_RUNS as f64;
    let random = Ratio { time: mean(|ratio| ratio.time), cost: mean(|ratio| ratio.cost) };
    let first = of(&Policy::FirstFit.live(shape, 0).stints);
    let services = least.served > 0;
    let (cost_at_same_time, time_as_it_comes, best_as_it_comes) = if services {
        (1.0, 1.0, 1.0)
    } else {
        let cheapest = best(Aim::Cost(value.delay), &Knowledge::All)?;
        let without_foresight = best(Aim::Delay, &Knowledge::AsItComes(run.stints.clone()))?;
        let foresight = share(without_foresight.delay, least.delay);
        (share(value.cost, cheapest.cost), share(value.delay, without_foresight.delay), foresight)
    };
    let scheduler = ratio(value, least);
    Some(Measured { scheduler, others: [first, random], cost_at_same_time, time_as_it_comes, best_as_it_comes })
}

fn mean(ratios: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = ratios.fold((0.0, 0u32), |(sum, count), ratio| (sum + ratio, count + 1));
    sum / f64::from(count.max(1))
}

/// Prints a section and returns the scheduler's mean ratios.
pub fn section(all: &[Recorded; 3]) -> Vec<(String, f64)> {
    println!("### Samples beside the optimum\n");
    println!(
        "Four rigs of a workload and eight or nine tasks, replicas or gangs of it: as crowded as the whole, and twice \
         as crowded. The optimum is an exhaustive search over all schedules that can be best, by somebody who knows \
         everything beforehand: how long each task lasts, who will come, which rig will die when. It has the least \
         sum of the times from a job's arrival to its last end, because a buyer who takes a price waits for the work; \
         then the least cost. Of services it has the most time that replicas run, then the least cost. It keeps the \
         market's rules, and neither stops nor moves what runs; a replica moves when its rig dies. *Solved*: the search \
         was completed, which proves the optimum; `cargo test` also holds it against a mixed-integer program on tiny \
         workloads. *Time* and *cost*: means of the ratio to that optimum over the samples, the worst, and how many \
         samples are within 5 %; of services the time that replicas ran, and an hour's cost. *Cost at its own time*: \
         to the cheapest schedule that takes no more time than the scheduler's. *Time, as it comes*: to the best that \
         knows only who is there: it keeps no rig idle for somebody who has yet to come, and starts tasks that look the \
         same in the scheduler's order, but still knows how long each will last where it chooses the rig. *The best as it comes*: how that one stands to \
         the optimum.\n"
    );
    println!(
        "| samples | solved | | time | worst | within 5 % | cost | worst | within 5 % | cost at its own time | time, as it comes | the best as it comes |"
    );
    println!("|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    let (mut figures, mut bars) = (Vec::new(), Vec::new());
    for Recorded { name, samples, .. } in all {
        for (set, samples) in [("", &samples[0]), (", crowded", &samples[1])] {
            let measured: Vec<Measured> = samples.iter().filter_map(measure).collect();
            let services = name.starts_with("services");
            for (number, policy) in Policy::ALL.into_iter().enumerate() {
                let of = |one: &Measured| if number == 0 { one.scheduler } else { one.others[number - 1] };
                let cells = |pick: fn(Ratio) -> f64| {
                    let ratios: Vec<f64> = measured.iter().map(|one| pick(of(one))).collect();
                    let within = ratios.iter().filter(|ratio| **ratio <= ALLOWED).count();
                    let worst = ratios.iter().copied().fold(0.0, f64::max);
                    format!("{:.3} | {worst:.2} | {within}", mean(ratios.into_iter()))
                };
                let means = Ratio {
                    time: mean(measured.iter().map(|one| of(one).time)),
                    cost: mean(measured.iter().map(|one| of(one).cost)),
                };
                bars.push((format!("{name}{set}, {}", policy.name()), means));
                let more = if number == 0 && !services {
                    let cost = mean(measured.iter().map(|one| one.cost_at_same_time));
                    let time = mean(measured.iter().map(|one| one.time_as_it_comes));
                    let best = mean(measured.iter().map(|one| one.best_as_it_comes));
                    format!("{cost:.3} | {time:.3} | {best:.3}")
                } else {
                    "– | – | –".to_owned()
                };
                let head = if number == 0 {
                    format!("{name}{set} | {} of {}", measured.len(), samples.len())
                } else {
                    " | ".to_owned()
                };
                println!(
                    "| {head} | {} | {} | {} | {more} |",
                    policy.name(),
                    cells(|ratio| ratio.time),
                    cells(|ratio| ratio.cost)
                );
            }
            figures.push((format!("{name}{set}: time"), mean(measured.iter().map(|one| one.scheduler.time))));
            figures.push((format!("{name}{set}: cost"), mean(measured.iter().map(|one| one.scheduler.cost))));
        }
    }
    println!();
    picture(&bars);
    figures
}

/// How far each policy is from the optimum, as text.
fn picture(bars: &[(String, Ratio)]) {
    println!("More than the optimum, in thousandths: `█` for ten.\n\n```text");
    for (name, ratio) in bars {
        let bar = |ratio: f64| {
            let more = ((ratio - 1.0) * 1_000.0).round();
            format!("{more:>4} {}", "█".repeat((more.max(0.0) / 10.0).round() as usize))
        };
        println!("{name:<44} time {:<14} cost {}", bar(ratio.time), bar(ratio.cost));
    }
    println!("```\n");
}
