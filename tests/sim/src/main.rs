//! `millrace-sim run` runs many seeds and names those that fail; `millrace-sim record` writes one down.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::{Parser, Subcommand};
use millrace_sim::{Harm, Harms, Recording, Report, Scenario, run};

#[derive(Parser)]
#[command(about = "The whole network in virtual time, from a seed")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run many seeds.
    Run {
        #[arg(long, default_value_t = 100)]
        seeds: u64,
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Virtual hours in which things go wrong.
        #[arg(long, default_value_t = 1)]
        hours: u64,
        /// Where the logs of failing seeds are written.
        #[arg(long, default_value = "sim-failures")]
        logs: PathBuf,
    },
    /// Run one seed and print its recording, which `millrace sim replay` reads.
    Record {
        seed: u64,
        #[arg(long, default_value_t = 1)]
        hours: u64,
    },
    /// A calm market with many rigs, for how fast it goes.
    Large {
        #[arg(long, default_value_t = 2_000)]
        rigs: usize,
        #[arg(long, default_value_t = 200)]
        jobs: u64,
        #[arg(long, default_value_t = 10)]
        minutes: u64,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { seeds, from, hours, logs } => run_many(from..from + seeds, hours, &logs),
        Command::Record { seed, hours } => {
            // Whoever reads it may have seen enough.
            match std::io::stdout().write_all(Recording::make(seed, hours, None).text().as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        Command::Large { rigs, jobs, minutes } => {
            let began = Instant::now();
            let report = run(Scenario::large(1, rigs, jobs, minutes * 60_000));
            println!("{rigs} rigs: {}", speed(report.events, report.lasted, began));
            finish(&report)
        }
    }
}

fn finish(report: &Report) -> ExitCode {
    println!("{report:#?}");
    if report.broken.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run_many(seeds: std::ops::Range<u64>, hours: u64, logs: &std::path::Path) -> ExitCode {
    let began = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let reports = Mutex::new(Vec::new());
    // Each failing seed says so in its report; the panics' own words would only repeat it.
    std::panic::set_hook(Box::new(|_| {}));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let report = run(Scenario::draw(seed, hours));
                    if let (Some(broken), Ok(mut reports)) = (&report.broken, reports.lock()) {
                        eprintln!("seed {seed}: {broken}");
                        let reports: &mut Vec<Report> = &mut reports;
                        reports.push(report);
                    } else if let Ok(mut reports) = reports.lock() {
                        reports.push(report);
                    }
                }
            });
        }
    });
    let mut reports = reports.into_inner().unwrap_or_default();
    reports.sort_by_key(|report| report.seed);
    let failed: Vec<u64> = reports.iter().filter(|report| report.broken.is_some()).map(|report| report.seed).collect();
    for seed in failed.iter().take(10) {
        let path = logs.join(format!("{seed}.jsonl"));
        let written = std::fs::create_dir_all(logs)
            .and_then(|()| std::fs::write(&path, Recording::make(*seed, hours, None).text()));
        match written {
            Ok(()) => eprintln!("seed {seed}: millrace sim replay {}", path.display()),
            Err(error) => eprintln!("the recording of seed {seed} cannot be written: {error}"),
        }
    }
    summarize(&reports, began);
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("{} of {} seeds fail: {failed:?}", failed.len(), reports.len());
    ExitCode::FAILURE
}

fn summarize(reports: &[Report], began: Instant) {
    let sum = |pick: fn(&Report) -> u64| reports.iter().map(pick).sum::<u64>();
    let ended = |word: &str| reports.iter().filter_map(|report| report.outcomes.get(word)).sum::<u64>();
    println!("{} seeds: {}", reports.len(), speed(sum(|report| report.events), sum(|report| report.lasted), began));
    println!(
        "{} jobs ({} completed, {} failed, {} cancelled, {} expired), {} leases, {} of them ended for others, {} times one was given more time, {} tasks compared and {} found to differ, {} forks, {} kills of the scheduler",
        sum(|report| report.jobs),
        ended("completed"),
        ended("failed"),
        ended("cancelled"),
        ended("expired"),
        sum(|report| report.leases),
        sum(|report| report.preempted),
        sum(|report| report.extended),
        sum(|report| report.compared + report.found),
        sum(|report| report.found),
        sum(|report| report.forks),
        sum(|report| report.kills),
    );
    let mut harms = Harms::default();
    reports.iter().for_each(|report| harms.join(&report.harms));
    let felt: Vec<_> = Harm::ALL.iter().map(|harm| format!("{harm:?} {}", harms.times(*harm))).collect();
    println!("{}", felt.join(", "));
}

fn speed(events: u64, millis: u64, began: Instant) -> String {
    let seconds = began.elapsed().as_secs_f64();
    format!(
        "{:.1} virtual hours, {events} events in {seconds:.1} s, {:.0} events a second",
        millis as f64 / 3_600_000.0,
        events as f64 / seconds.max(0.001)
    )
}
