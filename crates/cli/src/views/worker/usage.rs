use millrace_protocol::Seconds;
use millrace_worker::status::{GpuUsage, LeaseStatus};

use crate::views::duration::duration;
use crate::views::short;

/// What each lease has made of its GPUs since the worker started, a line each; none for one of which nothing is known.
pub fn usage(leases: &[LeaseStatus]) -> Option<String> {
    let lines: Vec<String> = leases
        .iter()
        .filter_map(|lease| Some(format!("lease {}: {}", short(lease.lease), line(lease.gpu_usage.as_ref()?))))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn line(usage: &GpuUsage) -> String {
    let load = usage.busy_percent.map_or_else(|| "load unknown".to_owned(), |percent| format!("{percent} % busy"));
    let power = usage.energy_millijoules.map_or_else(|| "power unknown".to_owned(), energy);
    let time = duration(Seconds(usage.measured_gpu_milliseconds / 1_000));
    let mut line = format!("gpu {load}, {power} in {time} of GPU time");
    if let Some(milliwatts) = usage.peak_milliwatts {
        line.push_str(&format!(", at most {} W", milliwatts / 1_000));
    }
    if usage.energy_millijoules.is_some() && !usage.power_unknown.is_empty() {
        line.push_str(&format!("; not all power of GPU {} is known", super::positions(&usage.power_unknown)));
    }
    line
}

/// `0.42 kWh`, or `3.1 Wh` below a hundredth of that; rounded down.
fn energy(millijoules: u64) -> String {
    let watt_hour = 3_600_000;
    let (watt_hours, rest) = (millijoules / watt_hour, millijoules % watt_hour);
    match watt_hours {
        0..10 => format!("{watt_hours}.{} Wh", rest * 10 / watt_hour),
        _ => format!("{}.{:02} kWh", watt_hours / 1_000, watt_hours % 1_000 / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::worker::tests::busy;

    #[test]
    fn a_lease_is_told_by_load_energy_and_what_is_unknown() {
        let known = busy().leases[0].gpu_usage.clone().unwrap();
        let partly = GpuUsage { power_unknown: vec![1, 3], ..known.clone() };
        let silent = GpuUsage { power_unknown: vec![0], measured_gpu_milliseconds: 5_999, ..GpuUsage::default() };
        for (usage, text) in [
            (known, "gpu 87 % busy, 0.42 kWh in 1h of GPU time, at most 430 W"),
            (partly, "gpu 87 % busy, 0.42 kWh in 1h of GPU time, at most 430 W; not all power of GPU 1, 3 is known"),
            (silent, "gpu load unknown, power unknown in 5s of GPU time"),
        ] {
            assert_eq!(line(&usage), text);
        }
    }

    #[test]
    fn without_readings_there_is_no_line() {
        let mut lease = busy().leases[0].clone();
        lease.gpu_usage = None;
        assert_eq!(usage(&[lease]), None);
    }

    #[test]
    fn energy_is_rounded_down() {
        for (millijoules, text) in [
            (0, "0.0 Wh"),
            (3_599_999, "0.9 Wh"),
            (35_999_999, "9.9 Wh"),
            (36_000_000, "0.01 kWh"),
            (1_529_999_999, "0.42 kWh"),
            (45_000_000_000, "12.50 kWh"),
        ] {
            assert_eq!(energy(millijoules), text);
        }
    }
}
