//! Whole runs.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::harm::Harms;
use crate::log::Line;
use crate::scenario::Scenario;
use crate::simulation::Simulation;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub seed: u64,
    /// What did not hold, in words.
    pub broken: Option<String>,
    pub events: u64,
    /// Virtual milliseconds.
    pub lasted: u64,
    /// Of everything that happened: equal for equal runs.
    pub digest: u64,
    pub jobs: u64,
    pub leases: u64,
    /// Spot leases that the scheduler ended for jobs at the posted price.
    pub preempted: u64,
    /// How often a lease that ran short was given more time.
    pub extended: u64,
    /// Leases that were offered at a node's bid.
    pub bids_taken: u64,
    /// Tasks that ran again for a spot check and came to the same result.
    pub compared: u64,
    /// And to another one.
    pub found: u64,
    /// Rounds of jobs whose results are counted that came to a verdict with a winner.
    pub decided: u64,
    /// Leases that lost their bond in a count.
    pub outvoted: u64,
    /// Jobs that were closed for so long that the orchestrator has forgotten them.
    pub forgotten: u64,
    pub forks: u64,
    /// What went wrong and was felt.
    pub harms: Harms,
    /// How often the orchestrator was killed.
    pub kills: u64,
    /// How often it wrote to its disk.
    pub writes: u64,
    /// How the jobs ended.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// How each job ended, in words, by its short name.
    pub ends: BTreeMap<String, String>,
}

/// Runs a scenario to its end.
pub fn run(scenario: Scenario) -> Report {
    whole(scenario, false).0
}

/// The same run, and a line for everything that happened.
pub fn run_logged(scenario: Scenario) -> (Report, Vec<Line>) {
    whole(scenario, true)
}

fn whole(scenario: Scenario, keep_log: bool) -> (Report, Vec<Line>) {
    let seed = scenario.seed;
    let mut simulation = Simulation::new(scenario, keep_log);
    // A rule that is broken inside of the real code speaks up by a panic.
    let result = catch_unwind(AssertUnwindSafe(|| simulation.run()));
    let broken = match result {
        Ok(result) => result.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Some(text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned())
        }
    };
    let report = Report {
        seed,
        broken,
        events: simulation.log.events,
        lasted: simulation.now,
        digest: simulation.log.digest(),
        jobs: simulation.witness.jobs_opened,
        leases: simulation.witness.leases_opened,
        preempted: simulation.witness.preempted,
        extended: simulation.witness.extended,
        bids_taken: simulation.witness.bids_taken,
        compared: simulation.witness.compared,
        found: simulation.witness.found,
        decided: simulation.chain.confirmed.decided(),
        outvoted: simulation.chain.confirmed.wrong.len() as u64,
        forgotten: simulation.witness.n_forgotten(),
        forks: simulation.chain.forks,
        harms: simulation.harms.clone(),
        kills: simulation.orchestrator.kills,
        writes: simulation.orchestrator.writes,
        outcomes: simulation.witness.outcomes.clone(),
        ends: simulation.ends(),
    };
    (report, simulation.log.take())
}
