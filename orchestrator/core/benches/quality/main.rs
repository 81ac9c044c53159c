//! Prints how good the core's placements are, as a section of `docs/benchmarks.md`: `cargo bench --bench quality`.

mod chooser;
#[path = "../placement/dice.rs"]
mod dice;
mod generate;
mod optimum;
mod shape;
mod world;

use chooser::Chooser;
use dice::Dice;
use millrace_scheduler::Weights;
use optimum::{Aim, Order, Value, optimum};

fn main() {
    if let Some(to) = std::env::var_os("TRY").and_then(|to| to.to_str()?.parse::<u64>().ok()) {
        let mut sums: std::collections::BTreeMap<String, [f64; 4]> = std::collections::BTreeMap::new();
        for seed in 100..100 + to {
            let whole = generate::bursty(&mut Dice(seed), 240);
            let base = Value::of(&whole, &world::live(&whole, Weights::default(), Chooser::Scheduler).stints);
            let ratio = |of: u64, to: u64| of as f64 / to as f64;
            let mut add = |name: String, stints: &[world::Stint]| {
                let value = Value::of(&whole, stints);
                let sum = sums.entry(name).or_default();
                sum[0] += ratio(value.completion, base.completion);
                sum[1] += ratio(value.cost, base.cost);
                sum[2] += ratio(value.makespan, base.makespan);
                sum[3] += 1.0;
            };
            add("first".to_owned(), &world::live(&whole, Weights::default(), Chooser::FirstFit).stints);
            add("random".to_owned(), &world::live(&whole, Weights::default(), Chooser::Random(Dice(seed))).stints);
            for packing in [0, 2_000, 5_000, 10_000, 20_000, 40_000, 100_000] {
                let weights = Weights { packing: millrace_protocol::PricePerGpuHour(packing), ..Weights::default() };
                add(format!("packing {packing:06}"), &world::live(&whole, weights, Chooser::Scheduler).stints);
            }
        }
        for (name, sum) in sums {
            println!("{name}: completion {:.3} cost {:.3} makespan {:.3}", sum[0] / sum[3], sum[1] / sum[3], sum[2] / sum[3]);
        }
        return;
    }
    let seed = std::env::var_os("SEED").and_then(|seed| seed.to_str()?.parse().ok()).unwrap_or(1);
    let mut dice = Dice(seed);
    let whole = generate::bursty(&mut dice, 240);
    print!("{}", whole.text());
    for (name, chooser) in
        [("core", Chooser::Scheduler), ("first", Chooser::FirstFit), ("random", Chooser::Random(Dice(2)))]
    {
        let run = world::live(&whole, Weights::default(), chooser);
        if std::env::var_os("STINTS").is_some() {
            for stint in &run.stints {
                println!("stint {name} {} {} {} {} {}", stint.order, stint.task, stint.rig, stint.from, stint.until);
            }
        }
        println!("{name} {:?} paid {}", Value::of(&whole, &run.stints), run.paid);
    }
    let pieces: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(8);
    let mut table: std::collections::BTreeMap<&str, Vec<(f64, f64)>> = std::collections::BTreeMap::new();
    for number in 0..40 {
        let sample = generate::sample(&mut dice, &whole, 4, pieces);
        let run = world::live(&sample, Weights::default(), Chooser::Scheduler);
        let value = Value::of(&sample, &run.stints);
        let show = std::env::var_os("SHOW").is_some_and(|show| show == number.to_string().as_str());
        let mut line = format!("sample {number}: core {} {} {}", value.completion, value.makespan, value.cost);
        let ratio = |of: u64, to: u64| of as f64 / to as f64;
        for (name, chooser) in [("first", Chooser::FirstFit), ("random", Chooser::Random(Dice(number)))] {
            let run = world::live(&sample, Weights::default(), chooser);
            let other = Value::of(&sample, &run.stints);
            table.entry(name).or_default().push((ratio(other.completion, value.completion), ratio(other.cost, value.cost)));
        }
        for (name, order) in [("free", Order::Free), ("line", Order::AsIn(run.stints.clone()))] {
            for aim in [Aim::Completion, Aim::Makespan, Aim::Cost(value.completion)] {
                let Some(best) = optimum(&sample, aim, &order, &run.stints) else {
                    line += " unsolved";
                    continue;
                };
                let least = Value::of(&sample, &best.stints);
                let key = match (aim, name) {
                    (Aim::Completion, "free") => "1 completion free",
                    (Aim::Completion, _) => "2 completion line",
                    (Aim::Makespan, "free") => "3 makespan free",
                    (Aim::Makespan, _) => "4 makespan line",
                    (Aim::Cost(_), "free") => "5 cost free",
                    (Aim::Cost(_), _) => "6 cost line",
                };
                line += &format!(" | {} {} {}", least.completion, least.makespan, least.cost);
                table.entry(key).or_default().push(match aim {
                    Aim::Makespan => (ratio(value.makespan, least.makespan), best.states as f64),
                    _ => (ratio(value.completion, least.completion), ratio(value.cost, least.cost)),
                });
                if show && aim == Aim::Completion {
                    if name == "free" {
                        print!("{}", sample.text());
                        let mut stints = run.stints.clone();
                        stints.sort_by_key(|stint| (stint.from, stint.order));
                        stints.iter().for_each(|stint| println!("  core {stint:?}"));
                    }
                    let mut stints = best.stints.clone();
                    stints.sort_by_key(|stint| (stint.from, stint.order));
                    stints.iter().for_each(|stint| println!("  {name} {stint:?}"));
                }
            }
        }
        println!("{line}");
    }
    for (key, ratios) in table {
        let mean = |pick: fn(&(f64, f64)) -> f64| ratios.iter().map(pick).sum::<f64>() / ratios.len() as f64;
        println!("{key}: {:.3} {:.3} of {}", mean(|pair| pair.0), mean(|pair| pair.1), ratios.len());
    }
}
