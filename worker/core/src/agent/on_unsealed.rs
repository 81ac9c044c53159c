use millrace_protocol::{Address, UnixSeconds};

use crate::{Action, Agent};

impl Agent {
    /// The buyer has brought what the lease's tasks need of it: whoever waits for that goes on.
    pub(super) fn on_unsealed(&mut self, address: Address, now: UnixSeconds, actions: &mut Vec<Action>) {
        let Some(lease) = self.leases.get_mut(&address) else { return };
        lease.unsealed = true;
        for task in self.tasks.values_mut().filter(|task| task.key().lease == address) {
            task.on_unsealed(now, actions);
        }
    }
}
