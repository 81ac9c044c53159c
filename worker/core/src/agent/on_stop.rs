use millrace_protocol::UnixSeconds;

use crate::{Action, Agent, Outcome, Record, Report, StopReason, TaskKey};

impl Agent {
    /// A task is taken back. One that was done but not booked does not count any more: somebody
    /// else does it again, and the result roots of both sides must agree.
    pub(super) fn on_stop(&mut self, key: TaskKey, reason: StopReason, now: UnixSeconds, actions: &mut Vec<Action>) {
        let Some(task) = self.tasks.get_mut(&key) else {
            let failure = crate::Cause::Stopped.into();
            actions.push(Action::Report(Report::Failed(key, failure)));
            return;
        };
        if task.is_acknowledged() {
            actions.extend(task.report().map(Action::Report));
            return;
        }
        if let Some(Outcome::Done(_)) = task.outcome() {
            let outcome = Outcome::Failed(crate::Cause::Stopped.into());
            task.withdraw(outcome.clone());
            actions.push(Action::Journal(Record::TaskEnded { key, outcome }));
            actions.extend(task.report().map(Action::Report));
            return;
        }
        task.stop(reason, now, actions);
        self.begin_next(key.lease, now, actions);
    }
}
