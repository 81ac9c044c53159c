//! The orchestrator is killed at each of its writes, once before it is on the disk and once between that and
//! the first word about it, and started again a second later. Every write is tried, none is drawn.

use std::collections::BTreeMap;

use millrace_protocol::{Payment, Seconds};

use crate::scenario::Kill;
use crate::{Scenario, run};

/// Five jobs in ten calm minutes: one of many tasks on several leases, one that is paid on its result and
/// waits out its window, one that no rig fits, one that is cancelled, and one whose program fails.
fn story() -> Scenario {
    let mut scenario = Scenario::large(7, 4, 5, 600_000);
    scenario.weather.pull = 3_000;
    for (number, job) in scenario.jobs.iter_mut().enumerate() {
        job.at = 5_000 + 20_000 * number as u64;
        job.spec.tasks = [8, 2, 1, 6, 1][number];
        job.work.millis = (2_000, 6_000);
        job.terms.lease_seconds = Seconds(120);
        job.terms.concurrent_leases = 3;
        job.terms.start_window = Seconds(300);
        job.ask_at_most(millrace_protocol::GpuUnits(1));
    }
    // So that it is also killed where it forgets jobs.
    scenario.keep_jobs = Seconds(60);
    scenario.rigs[0].hardware.simulated = false;
    scenario.jobs[1].terms.payment = Payment::OnResult;
    scenario.jobs[1].terms.dispute_window = Seconds(40);
    scenario.jobs[2].terms.requirements.vram_mib = 1_000_000;
    scenario.jobs[3].cancelled_after = Some(25_000);
    scenario.jobs[3].work.millis = (20_000, 30_000);
    scenario.jobs[4].work.fails = 1_000;
    scenario.jobs.iter_mut().for_each(|job| job.spec.terms = job.terms);
    scenario
}

/// A rig that a spot job holds, and a job at the posted price that comes.
fn preemption() -> Scenario {
    let mut scenario = Scenario::large(3, 1, 2, 600_000);
    scenario.weather.pull = 3_000;
    scenario.parameters.preemption_notice = Seconds(10);
    scenario.rigs[0].hardware.gpu_count = 1;
    for (number, job) in scenario.jobs.iter_mut().enumerate() {
        job.at = 5_000 + 30_000 * number as u64;
        job.spec.tasks = 1;
        job.work.millis = [(110_000, 110_000), (5_000, 5_000)][number];
        job.terms.lease_seconds = Seconds(200);
        job.terms.concurrent_leases = 1;
        job.terms.dispute_window = Seconds(0);
        job.terms.spot = number == 0;
        job.ask_at_most(millrace_protocol::GpuUnits(1));
        job.spec.terms = job.terms;
    }
    scenario
}

#[test]
fn killed_around_each_write_a_node_that_was_cleared_goes_to_whom_it_was_cleared_for() {
    let undisturbed = run(preemption());
    assert_eq!((undisturbed.broken, undisturbed.preempted, undisturbed.leases), (None, 1, 3));
    assert_eq!(undisturbed.ends.values().collect::<Vec<_>>(), ["completed, 1 tasks", "completed, 1 tasks"]);
    for write in 0..undisturbed.writes {
        for before in [true, false] {
            let report = run(Scenario { kill: Some(Kill { write, before }), ..preemption() });
            assert_eq!((report.broken, report.ends), (None, undisturbed.ends.clone()), "killed at write {write}");
            // The word that a notice has landed may die with whoever gave it; the spot job begins anew once.
            assert_eq!((report.kills, report.leases), (1, 3), "killed at write {write}, before {before}");
        }
    }
}

/// How the jobs end, all of them forgotten, and after how many writes.
fn ends(kill: Option<Kill>) -> (BTreeMap<String, String>, u64) {
    let report = run(Scenario { kill, ..story() });
    assert_eq!((report.broken, report.kills), (None, u64::from(kill.is_some())), "{kill:?}");
    assert_eq!(report.forgotten, report.jobs, "{kill:?}");
    (report.ends, report.writes)
}

fn comes_to_the_same(before: bool) {
    let (undisturbed, writes) = ends(None);
    let words: Vec<&str> = undisturbed.values().map(String::as_str).collect();
    assert_eq!(words, ["completed, 8 tasks", "completed, 2 tasks", "expired", "cancelled", "failed: exit-code"]);
    assert!(writes > 100, "{writes} writes");
    for write in 0..writes {
        assert_eq!(ends(Some(Kill { write, before })).0, undisturbed, "killed at write {write}");
    }
}

#[test]
fn killed_before_each_of_its_writes_it_comes_to_the_same_end() {
    comes_to_the_same(true);
}

#[test]
fn killed_after_each_of_its_writes_it_comes_to_the_same_end() {
    comes_to_the_same(false);
}
