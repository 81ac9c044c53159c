//! Rigs: nobody uses a GPU twice, and no second is attested before a container ran.

use millrace_agent::FoundState;
use millrace_protocol::Address;
use millrace_protocol::voucher::Voucher;

use super::Witness;
use crate::name;
use crate::scenario::Character;
use crate::simulation::Simulation;

impl Witness {
    /// A container of the lease runs.
    pub fn began(&mut self, lease: Address, now: u64) {
        self.began.entry(lease).or_insert(now);
    }
}

impl Simulation {
    /// What an honest rig runs at one time fits its GPUs.
    pub(super) fn look_at_rigs(&mut self) {
        let mut wrong = None;
        for rig in &self.rigs {
            let plan = &self.scenario.rigs[rig.index];
            let running = rig.containers.values().filter(|container| container.state == FoundState::Running);
            let used: u32 = running
                .map(|container| &self.scenario.jobs[name::number(container.job)].terms.requirements.units)
                .map(|units| u32::from(units.0))
                .sum();
            if plan.character == Character::Honest && used > u32::from(plan.hardware.units().0) {
                wrong = Some(format!("N{} has {} GPUs and uses {used}", rig.index, plan.hardware.units().0));
            }
        }
        if let Some(wrong) = wrong {
            self.breaks(wrong);
        }
    }

    /// An honest rig's lease is attested no more seconds than went by since its first container began to run.
    pub(super) fn check_attested(&mut self, voucher: &Voucher) {
        let node = self.orchestrator.core().and_then(|core| core.lease(voucher.lease)).map(|lease| lease.view.node);
        let Some(rig) = node.map(name::number).filter(|rig| self.character(*rig) == Character::Honest) else { return };
        let ran = self.witness.began.get(&voucher.lease).map_or(0, |began| self.now - began);
        if voucher.metered.0 * 1_000 > ran {
            self.breaks(format!("{ran} ms after N{rig} began to work: {voucher:?}"));
        }
    }
}
