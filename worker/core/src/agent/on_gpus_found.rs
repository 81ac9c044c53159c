use crate::{Action, Agent, Record};

impl Agent {
    /// By position, which is what leases name them by from now on.
    pub(super) fn on_gpus_found(&mut self, uuids: Vec<String>, actions: &mut Vec<Action>) {
        if self.gpus != uuids {
            self.gpus.clone_from(&uuids);
            actions.push(Action::Journal(Record::GpusFound { uuids }));
        }
    }
}
