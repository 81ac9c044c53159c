use millrace_protocol::{Address, UnixSeconds};

use crate::agent::ChallengeRefusal;
use crate::{Action, Agent, GpuFault, Report, Severity, TaskKey};

impl Agent {
    /// A GPU fails: its owner is told, the rig takes no further lease, and tasks on it are handed back.
    /// Only the next start of the worker looks at the GPU with new eyes.
    pub(super) fn on_gpu_fault(&mut self, gpu: u16, fault: GpuFault, now: UnixSeconds, actions: &mut Vec<Action>) {
        let severity = fault.severity();
        if severity > Severity::Notice {
            let known = self.faulty.get(&gpu).map(|known| known.severity());
            if known.is_some_and(|known| known >= severity) {
                return;
            }
            self.faulty.insert(gpu, fault);
            self.give_up_challenge(ChallengeRefusal::GpuFaulty { gpu, fault }, actions);
        }
        actions.push(Action::Report(Report::GpuFault { gpu, fault }));
        if severity < Severity::HandBack {
            return;
        }
        let on_it: Vec<TaskKey> = self
            .tasks
            .values()
            .filter(|task| task.needs_gpus() && self.uses(task.key().lease, gpu))
            .map(crate::Task::key)
            .collect();
        for key in on_it {
            if let Some(task) = self.tasks.get_mut(&key) {
                task.hand_back(fault.failure(), now, actions);
            }
        }
    }

    fn uses(&self, lease: Address, gpu: u16) -> bool {
        self.leases.get(&lease).is_some_and(|lease| lease.terms.gpus.contains(&gpu))
    }

    /// A fault that keeps the lease's tasks from running.
    pub(crate) fn fault_under(&self, lease: Address) -> Option<GpuFault> {
        let faults = self.faulty.iter().filter(|(_, fault)| fault.severity() == Severity::HandBack);
        faults.filter(|(gpu, _)| self.uses(lease, **gpu)).map(|(_, fault)| *fault).next()
    }

    /// GPUs that keep the rig from taking further leases, by position in the inventory.
    pub fn faulty_gpus(&self) -> impl Iterator<Item = (u16, GpuFault)> {
        self.faulty.iter().map(|(gpu, fault)| (*gpu, *fault))
    }
}
