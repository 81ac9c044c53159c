use super::Driver;

impl Driver {
    /// Takes the GPUs' last look, where it is a new one, for those who hold them now.
    pub(super) fn count_usage(&mut self) {
        let look = self.context.monitor.as_ref().and_then(crate::gpu::Monitor::last_look);
        let Some((at, readings)) = look else { return };
        let holders = self.agent.live_leases().map(|(address, lease)| (address, lease.terms.gpus.as_slice()));
        self.gpu_usages.take(at, &readings, holders);
    }
}
