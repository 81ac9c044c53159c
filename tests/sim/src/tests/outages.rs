//! What everybody needs is gone for an hour, in markets like those of the drawn seeds: every rule holds meanwhile and
//! afterwards. Work goes on or is handed back, seconds that were attested are paid, and all that is stuck comes free.

use std::ops::Range;

use crate::log::Line;
use crate::runs::run_logged;
use crate::scenario::{Fault, FaultPlan};
use crate::{Harm, Report, Scenario, name};

const HOUR: u64 = 3_600_000;
const BEGINS: u64 = HOUR / 3;
/// By when whatever was on its way has come.
const SETTLES: u64 = 60_000;
/// None in which nothing goes wrong anyway.
const SEEDS: Range<u64> = 1..6;

fn without(fault: Fault, seed: u64) -> (Report, Vec<Line>) {
    let mut scenario = Scenario::draw(seed, 2);
    scenario.faults = vec![FaultPlan { at: BEGINS, lasts: HOUR, fault }];
    let (report, lines) = run_logged(scenario);
    assert_eq!(report.broken, None, "seed {seed} without {fault:?} for an hour");
    assert!(report.leases > 0 && report.lasted >= 2 * HOUR, "seed {seed}: {report:?}");
    (report, lines)
}

/// Heartbeats of the first rig, or of any, that reach the scheduler.
fn heard(lines: &[Line], times: Range<u64>, first: bool) -> usize {
    let rig = name::short(name::node(0));
    let told = lines.iter().filter(|line| times.contains(&line.at) && line.is_heartbeat());
    told.filter(|line| !first || line.is_about(&rig)).count()
}

fn is_silent_for_an_hour(fault: Fault, first: bool) {
    for seed in SEEDS {
        let (report, lines) = without(fault, seed);
        assert!(heard(&lines, 0..BEGINS, first) > 0, "seed {seed}: it is heard before");
        assert_eq!(heard(&lines, BEGINS + SETTLES..BEGINS + HOUR, first), 0, "seed {seed}: it is not heard meanwhile");
        assert!(heard(&lines, BEGINS + HOUR..report.lasted, first) > 0, "seed {seed}: it is heard again");
    }
}

#[test]
fn every_rule_holds_while_a_rig_is_without_network_for_an_hour() {
    is_silent_for_an_hour(Fault::Partition { rig: 0 }, true);
}

#[test]
fn every_rule_holds_while_no_rig_reaches_the_scheduler_for_an_hour() {
    is_silent_for_an_hour(Fault::PartitionOfAll, false);
}

#[test]
fn every_rule_holds_while_the_scheduler_is_gone_for_an_hour() {
    is_silent_for_an_hour(Fault::OrchestratorDies, false);
}

#[test]
fn every_rule_holds_while_the_chain_is_out_of_reach_for_an_hour() {
    for seed in SEEDS {
        let (report, _) = without(Fault::ChainUnreachable, seed);
        assert!(report.harms.times(Harm::ChainSilent) > 0, "seed {seed}: it is missed");
    }
}
