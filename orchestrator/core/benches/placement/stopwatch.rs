use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Processor time of many runs of one thing: what else the machine does meanwhile does not count.
#[derive(Default)]
pub struct Stopwatch {
    runs: Vec<u64>,
}

fn processor_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}

impl Stopwatch {
    pub fn time<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let start = processor_nanos();
        let result = run();
        self.runs.push(processor_nanos() - start);
        result
    }

    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.runs.iter().sum())
    }

    /// Microseconds that so many of 1000 runs do not exceed.
    pub fn quantile(&mut self, per_mille: usize) -> f64 {
        self.runs.sort_unstable();
        let index = (self.runs.len() * per_mille / 1_000).min(self.runs.len().saturating_sub(1));
        self.runs.get(index).map_or(0.0, |nanos| *nanos as f64 / 1_000.0)
    }

    /// In microseconds.
    pub fn mean(&self) -> f64 {
        self.total().as_secs_f64() * 1e6 / self.runs.len().max(1) as f64
    }
}
