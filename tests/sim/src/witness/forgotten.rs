//! What the scheduler forgets: nothing that is on chain, nothing before its time, and for good. What it knew is kept
//! here, so that the end of every job is looked at.

use millrace_protocol::Address;
use millrace_scheduler::{Core, Forgotten, JobEntry, LeaseEntry, Record};

use super::Witness;
use crate::name;
use crate::orchestrator::settings;
use crate::scenario::{Fault, FaultPlan};
use crate::simulation::Simulation;

/// Milliseconds by which the clock that it counts by may have been behind when the job was closed, beside what a chain
/// that stands or is out of reach makes of it.
const BEHIND: u64 = 90_000;

impl Witness {
    /// Jobs that the scheduler knows, and those that it has forgotten.
    pub(super) fn all_jobs<'a>(&'a self, core: &'a Core) -> impl Iterator<Item = (Address, &'a JobEntry)> {
        core.jobs().chain(self.forgotten.values().flat_map(Core::jobs))
    }

    pub fn n_forgotten(&self) -> u64 {
        self.forgotten.len() as u64
    }
}

impl Simulation {
    /// The records of a job that is forgotten leave the disk.
    pub fn witness_forgotten(&mut self, forgotten: &Forgotten, records: Vec<Record>) {
        let Forgotten { job, leases, .. } = forgotten;
        let chain = &self.chain.confirmed;
        if chain.jobs.contains_key(job) || leases.iter().any(|lease| chain.leases.contains_key(lease)) {
            self.breaks(format!("{} is forgotten and on chain", name::short(*job)));
        }
        let kept = self.scenario.keep_jobs.0 * 1_000;
        if self.witness.closed.get(job).is_none_or(|closed| self.now + self.behind() < closed + kept) {
            self.breaks(format!("{} is forgotten before its time", name::short(*job)));
        }
        let known = Core::restore(settings(&self.scenario), self.orchestrator_now(), records);
        if known.job(*job).is_none() || known.leases_of(*job).len() != leases.len() {
            self.breaks(format!("{} is forgotten and was not on the disk", name::short(*job)));
        }
        self.witness.forgotten.insert(*job, known);
    }

    /// As long as the chain says nothing new, its clock is believed to stand; then it catches up in one leap.
    fn behind(&self) -> u64 {
        let stops = |fault: &&FaultPlan| matches!(fault.fault, Fault::ChainStands | Fault::ChainUnreachable);
        BEHIND + self.scenario.faults.iter().filter(stops).map(|fault| fault.lasts).sum::<u64>()
    }

    /// Whoever hears of it again does not take it for new.
    pub(super) fn look_at_forgotten(&mut self) {
        let Some(core) = self.orchestrator.core() else { return };
        let known = |job: &&Address| core.job(**job).is_some() || !core.leases_of(**job).is_empty();
        if let Some(job) = self.witness.forgotten.keys().find(known) {
            self.breaks(format!("{} is forgotten and known again", name::short(*job)));
        }
    }

    /// As the scheduler knows it, or knew it.
    pub(super) fn known_lease(&self, lease: Address) -> Option<&LeaseEntry> {
        let known = self.orchestrator.core().and_then(|core| core.lease(lease));
        known.or_else(|| self.witness.forgotten.values().find_map(|core| core.lease(lease)))
    }
}
