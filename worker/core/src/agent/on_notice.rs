use millrace_protocol::{Address, Seconds, UnixSeconds};

use crate::{Action, Agent, Notice, Record, TaskKey};

impl Agent {
    /// The lease is ended by a notice: its containers are told at once, so that they have all of it. The first word
    /// of it counts, whether the orchestrator's or the chain's; later ones only differ by what they took to come.
    pub(crate) fn on_notice(&mut self, address: Address, left: Seconds, now: UnixSeconds, actions: &mut Vec<Action>) {
        let untold = |lease: &&mut crate::Lease| lease.takes_tasks() && lease.notice.is_none();
        let Some(lease) = self.leases.get_mut(&address).filter(untold) else { return };
        let notice = Notice::until(now.after(left).unwrap_or(UnixSeconds::MAX));
        lease.notice = Some(notice);
        actions.push(Action::Journal(Record::NoticeGiven { lease: address, notice }));
        self.leave(address, now, actions);
    }

    /// Has the tasks of a lease with notice end: those that are to finish when it is over, others now.
    pub(crate) fn leave(&mut self, address: Address, now: UnixSeconds, actions: &mut Vec<Action>) {
        let Some(notice) = self.leases.get(&address).and_then(|lease| lease.notice) else { return };
        let keys: Vec<TaskKey> = self.unfinished(address).map(crate::Task::key).collect();
        for key in keys {
            if let Some(task) = self.tasks.get_mut(&key) {
                task.leave(notice, now, actions);
            }
        }
    }
}
