use millrace_protocol::{Address, UnixSeconds};

use crate::{Action, Agent};

impl Agent {
    /// Deadlines: of tasks, and of leases whose orchestrator has disappeared and of which no chain tells.
    pub(super) fn on_tick(&mut self, now: UnixSeconds, actions: &mut Vec<Action>) {
        for task in self.tasks.values_mut() {
            let lease = self.leases.get(&task.key().lease);
            task.on_tick(now, lease.map(|lease| lease.started_by(task.begun_at())), actions);
        }
        let due = |pick: fn(&crate::Lease, UnixSeconds) -> bool, agent: &Self| -> Vec<Address> {
            agent.leases.iter().filter(|(_, lease)| pick(lease, now)).map(|(address, _)| *address).collect()
        };
        for lease in due(|lease, now| !lease.is_live() && lease.is_forgotten(now), self) {
            self.close(lease, actions);
        }
        for lease in due(|lease, now| lease.takes_tasks() && lease.is_over(now), self) {
            self.on_end_lease(lease, now, actions);
        }
        for lease in due(|lease, now| lease.takes_tasks() && lease.notice_is_over(now), self) {
            self.leave(lease, now, actions);
        }
        self.look_at_chain(now, actions);
        self.end_overdue_challenge(now, actions);
    }
}
