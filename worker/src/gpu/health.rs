use millrace_agent::{GpuFault, Slowdown};

use super::{Reading, Sample};

/// How many samples in a row must show a slowdown: changing clocks looks like one for a moment.
const IN_A_ROW: u8 = 2;
/// How many must show nothing until no further work is taken: a busy driver looks like a stuck one for a while.
const SILENT_IN_A_ROW: u8 = 6;

/// What is known of one GPU from the samples so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    uncorrected: Option<u64>,
    hot: u8,
    braked: u8,
    silent: u8,
}

impl Health {
    /// What a new sample says is wrong that the last one did not. Errors from before the first sample
    /// are history.
    pub fn take(&mut self, sample: &Sample) -> Vec<GpuFault> {
        self.silent = if matches!(sample, Sample::Unknown(_)) { self.silent.saturating_add(1) } else { 0 };
        match sample {
            Sample::Lost => vec![GpuFault::Lost],
            Sample::ResetRequired => vec![GpuFault::ResetRequired],
            Sample::Unknown(_) if self.silent == SILENT_IN_A_ROW => vec![GpuFault::Silent],
            Sample::Unknown(_) => vec![],
            Sample::Read(reading) => self.read(reading),
        }
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
        samples.iter().map(|reading| health.take(&Sample::Read(*reading))).collect()
    }

    #[test]
    fn a_gpu_that_is_gone_or_stuck_is_a_fault_at_once() {
        let mut health = Health::default();
        assert_eq!(health.take(&Sample::Lost), [GpuFault::Lost]);
        assert_eq!(health.take(&Sample::ResetRequired), [GpuFault::ResetRequired]);
    }

    #[test]
    fn a_gpu_that_nobody_tells_of_is_a_fault_once_that_lasts() {
        let mut health = Health::default();
        let unknown = Sample::Unknown("driver busy".into());
        let mut take = |sample: &Sample| health.take(sample);
        for _ in 0..5 {
            assert_eq!(take(&unknown), []);
        }
        assert_eq!(take(&Sample::Read(Reading::default())), []);
        let said: Vec<GpuFault> = (0..20).flat_map(|_| take(&unknown)).collect();
        assert_eq!(said, [GpuFault::Silent], "once");
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
