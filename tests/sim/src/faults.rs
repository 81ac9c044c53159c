//! What goes wrong, and that it ends.

use crate::chain::Origin;
use crate::ledger::Instruction;
use crate::scenario::Fault;
use crate::simulation::{Simulation, What};

impl Simulation {
    pub fn fault_begins(&mut self, number: usize) {
        let plan = self.scenario.faults[number];
        if self.quiet {
            return;
        }
        self.note(|| format!("fault      {:?} for {} ms", plan.fault, plan.lasts));
        self.going_on.insert(number);
        match plan.fault {
            Fault::OrchestratorDies => self.orchestrator_dies(),
            Fault::WorkerDies { rig } => self.worker_dies(rig),
            Fault::RigLosesPower { rig } => self.rig_loses_power(rig),
            Fault::RigLosesDisk { rig } => self.rig_loses_disk(rig),
            Fault::Partition { rig } => self.part(&[rig], plan.lasts),
            Fault::PartitionOfAll => {
                let all: Vec<usize> = (0..self.rigs.len()).collect();
                self.part(&all, plan.lasts);
            }
            Fault::LinkBreaks { rig } => self.cut_of(rig, 2_000),
            Fault::WorkerHangs { rig } => self.part(&[rig], plan.lasts),
            Fault::ProviderDrains { provider } => {
                self.send(Instruction::SetDraining { provider, draining: true }, Origin::Outside);
            }
            Fault::OwnerDrains { rig } => self.say_whether_it_drains(rig),
            Fault::ChainUnreachable | Fault::ChainStands | Fault::ChainClockLags | Fault::Forks | Fault::DiskSlow => {}
        }
        self.plan(plan.lasts, What::FaultEnds(number));
    }

    pub fn fault_ends(&mut self, number: usize) {
        if !self.going_on.remove(&number) {
            return;
        }
        let fault = self.scenario.faults[number].fault;
        self.note(|| format!("fault      {fault:?} is over"));
        self.witness.disturbed_until = self.now;
        if self.suffers(fault) {
            return;
        }
        match fault {
            Fault::OrchestratorDies => self.orchestrator_returns(),
            Fault::WorkerDies { rig } | Fault::RigLosesPower { rig } | Fault::RigLosesDisk { rig } => {
                self.worker_returns(rig);
            }
            Fault::ProviderDrains { provider } => {
                self.send(Instruction::SetDraining { provider, draining: false }, Origin::Outside);
            }
            Fault::OwnerDrains { rig } => self.say_whether_it_drains(rig),
            _ => {}
        }
    }

    /// From now on all is well: every fault ends, and whatever is down comes back.
    pub fn calm_down(&mut self) {
        self.note(|| "from now on all is well".to_owned());
        let going_on: Vec<usize> = self.going_on.iter().copied().collect();
        going_on.into_iter().for_each(|number| self.fault_ends(number));
        self.quiet = true;
        self.witness.disturbed_until = self.now;
        self.orchestrator_returns();
        (0..self.rigs.len()).for_each(|rig| self.worker_returns(rig));
    }
}
