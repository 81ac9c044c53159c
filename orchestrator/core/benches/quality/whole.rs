//! The whole workloads: too large for an optimum, so beside what no schedule can do better.

use crate::policy::Policy;
use crate::recorded::Recorded;
use crate::shape::{Kind, Shape};
use crate::value::{Value, cost};

const RANDOM_RUNS: u64 = 5;

/// Every job at once, as if it were alone, on the cheapest rigs that serve it.
fn bound(shape: &Shape) -> Value {
    let mut value = Value::default();
    for (number, order) in shape.orders.iter().enumerate() {
        let (longest, sum) = (order.lengths.iter().max().copied().unwrap_or(0), order.lengths.iter().sum::<u64>());
        let shortest = longest.max(sum.div_ceil(order.leases.into()));
        let members = if order.kind == Kind::Gang { order.lengths.len() } else { 1 };
        let price = |rigs: &Vec<usize>| -> u64 { rigs.iter().map(|rig| shape.rigs[*rig].price).sum() };
        let cheapest = crate::optimum::sets(shape, order, members).into_iter().min_by_key(price);
        let seconds = sum / members as u64;
        value.cost += cheapest.iter().flatten().map(|rig| cost(shape, number, *rig, seconds)).sum::<u64>();
        if order.kind == Kind::Service {
            value.served += sum;
        } else {
            value.delay += shortest;
        }
        value.makespan = value.makespan.max(order.arrival + shortest);
    }
    value
}

fn row(shape: &Shape, who: &str, value: Value, paid: Option<u64>) {
    let jobs = shape.orders.len() as f64;
    let served = value.served as f64 / (value.served + value.delay).max(1) as f64;
    let time =
        if value.served > 0 { format!("{:.2} % served", served * 100.0) } else { minutes(value.delay as f64 / jobs) };
    let usdc = |micros: u64| format!("{:.2}", micros as f64 / 1e6);
    let hours = value.served as f64 / 3_600.0;
    let rate = if value.served > 0 { format!("{:.3}", value.cost as f64 / 1e6 / hours) } else { "–".to_owned() };
    let paid = paid.map_or("–".to_owned(), usdc);
    println!("| {who} | {time} | {} | {} | {paid} | {rate} |", minutes(value.makespan as f64), usdc(value.cost));
}

fn minutes(seconds: f64) -> String {
    format!("{:.1} min", seconds / 60.0)
}

pub fn section(all: &[Recorded; 3]) {
    println!("### Whole workloads\n");
    for Recorded { name, whole, .. } in all {
        let gpus: u64 = whole.rigs.iter().map(|rig| u64::from(rig.gpus)).sum();
        let work: u64 =
            whole.orders.iter().map(|order| u64::from(order.gpus) * order.lengths.iter().sum::<u64>()).sum();
        let last = whole.orders.last().map_or(1, |order| order.arrival.max(1));
        println!(
            "**{name}**: {} jobs on {} rigs with {gpus} GPUs, which are asked for {:.0} % of what they could do until \
             the last job comes.\n",
            whole.orders.len(),
            whole.rigs.len(),
            work as f64 / (gpus * last) as f64 * 100.0
        );
        println!("| | a job's completion, mean | last end | cost, USDC | paid on chain | USDC per replica-hour |");
        println!("|---|--:|--:|--:|--:|--:|");
        for policy in Policy::ALL {
            if policy == Policy::Random {
                let runs: Vec<_> = (0..RANDOM_RUNS).map(|seed| policy.live(whole, seed)).collect();
                let values: Vec<Value> = runs.iter().map(|run| Value::of(whole, &run.stints)).collect();
                let mean = |pick: fn(&Value) -> u64| values.iter().map(pick).sum::<u64>() / RANDOM_RUNS;
                let value = Value {
                    delay: mean(|value| value.delay),
                    served: mean(|value| value.served),
                    makespan: mean(|value| value.makespan),
                    cost: mean(|value| value.cost),
                };
                let paid = runs.iter().map(|run| run.paid).sum::<u64>() / RANDOM_RUNS;
                row(whole, &format!("random, mean of {RANDOM_RUNS}"), value, Some(paid));
            } else {
                let run = policy.live(whole, 0);
                row(whole, policy.name(), Value::of(whole, &run.stints), Some(run.paid));
            }
        }
        row(whole, "bound: each job alone, on its cheapest rigs", bound(whole), None);
        println!();
    }
}
