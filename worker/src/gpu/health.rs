use std::time::{Duration, Instant};

use millrace_agent::{GpuFault, Slowdown};

use super::{Reading, Sample};

/// How many samples in a row must show a slowdown: changing clocks looks like one for a moment.
const IN_A_ROW: u8 = 2;
/// How long nothing must be told until no further work is taken: a busy driver looks like a stuck one for a while.
const SILENCE: Duration = Duration::from_secs(30);

/// What is known of one GPU from the samples so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    uncorrected: Option<u64>,
    hot: u8,
    braked: u8,
    silent_since: Option<Instant>,
    is_silence_told: bool,
}

impl Health {
    /// What a new sample says is wrong that the last one did not. Errors from before the first sample
    /// are history.
    pub fn take(&mut self, sample: &Sample, now: Instant) -> Vec<GpuFault> {
        if !matches!(sample, Sample::Unknown(_)) {
            (self.silent_since, self.is_silence_told) = (None, false);
        }
        match sample {
            Sample::Lost => vec![GpuFault::Lost],
            Sample::ResetRequired => vec![GpuFault::ResetRequired],
            Sample::Unknown(_) => self.stay_silent(now),
            Sample::Read(reading) => self.read(reading),
        }
    }

    fn stay_silent(&mut self, now: Instant) -> Vec<GpuFault> {
        let since = *self.silent_since.get_or_insert(now);
        if self.is_silence_told || now.duration_since(since) < SILENCE {
            return vec![];
        }
        self.is_silence_told = true;
        vec![GpuFault::Silent]
    }

    fn read(&mut self, reading: &Reading) -> Vec<GpuFault> {
        let mut faults = Vec::new();
        if let Some(errors) = reading.uncorrected_errors {
            let new = errors.saturating_sub(self.uncorrected.unwrap_or(errors));
            if new > 0 {
                faults.push(GpuFault::MemoryErrors(new));
            }
            self.uncorrected = Some(errors);
        }
        let slowdowns = [
            (&mut self.hot, reading.too_hot, Slowdown::Heat),
            (&mut self.braked, reading.power_braked, Slowdown::PowerSupply),
        ];
        for (seen, now, slowdown) in slowdowns {
            *seen = if now { seen.saturating_add(1) } else { 0 };
            if *seen == IN_A_ROW {
                faults.push(GpuFault::Slowed(slowdown));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(samples: &[Reading]) -> Vec<Vec<GpuFault>> {
        let mut health = Health::default();
        samples.iter().map(|reading| health.take(&Sample::Read(*reading), Instant::now())).collect()
    }

    #[test]
    fn a_gpu_that_is_gone_or_stuck_is_a_fault_at_once() {
        let mut health = Health::default();
        assert_eq!(health.take(&Sample::Lost, Instant::now()), [GpuFault::Lost]);
        assert_eq!(health.take(&Sample::ResetRequired, Instant::now()), [GpuFault::ResetRequired]);
    }

    #[test]
    fn a_gpu_that_nobody_tells_of_is_a_fault_once_that_lasts() {
        let mut health = Health::default();
        let unknown = Sample::Unknown("driver busy".into());
        let begun = Instant::now();
        let mut take = |sample: &Sample, seconds| health.take(sample, begun + Duration::from_secs(seconds));
        for second in 0..30 {
            assert_eq!(take(&unknown, second), []);
        }
        assert_eq!(take(&Sample::Read(Reading::default()), 30), []);
        let said: Vec<_> = (31..200).filter(|second| !take(&unknown, *second).is_empty()).collect();
        assert_eq!(said, [61], "once");
    }

    #[test]
    fn only_new_memory_errors_count() {
        let errors = |errors| Reading { uncorrected_errors: Some(errors), ..Reading::default() };
        let without = Reading::default();
        let said = takes(&[errors(3), errors(3), without, errors(5), errors(0), errors(1)]);
        let expected: [&[GpuFault]; 6] =
            [&[], &[], &[], &[GpuFault::MemoryErrors(2)], &[], &[GpuFault::MemoryErrors(1)]];
        assert_eq!(said, expected, "a counter that begins anew is no error");
    }

    #[test]
    fn a_slowdown_is_told_once_while_it_lasts_and_not_for_a_moment() {
        let hot = Reading { too_hot: true, ..Reading::default() };
        let both = Reading { power_braked: true, ..hot };
        let cool = Reading::default();
        let heat = GpuFault::Slowed(Slowdown::Heat);
        let said = takes(&[hot, cool, hot, hot, both, both, cool, hot, hot]);
        let expected: [&[GpuFault]; 9] =
            [&[], &[], &[], &[heat], &[], &[GpuFault::Slowed(Slowdown::PowerSupply)], &[], &[], &[heat]];
        assert_eq!(said, expected);
    }
}
