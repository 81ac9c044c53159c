use std::io;

use millrace_agent::{Failure, Fault, GpuFault, TaskKey};
use millrace_client::keys;
use millrace_protocol::{Diagnostic, UnixSeconds};

use super::Driver;
use crate::control::{Ask, Asked};
use crate::folders;
use crate::gpu::Gpu;
use crate::status::{GpuStatus, LinkStatus, Status, StorageStatus, Totals, Unfit, leases, links, tasks, votes};
use crate::troubles::Trouble;

/// What the loop notes for its owner, beside what it decides with.
pub(super) struct Noted {
    pub started_at: UnixSeconds,
    pub connected: bool,
    /// Since when it is connected, or is not.
    pub link_since: UnixSeconds,
    pub totals: Totals,
}

impl Noted {
    pub fn new(started_at: UnixSeconds) -> Self {
        Self { started_at, connected: false, link_since: started_at, totals: Totals::default() }
    }

    pub fn link(&mut self, connected: bool, now: UnixSeconds) {
        (self.connected, self.link_since) = (connected, now);
        self.totals.connections += u64::from(connected);
    }
}

impl Driver {
    pub(super) fn on_asked(&mut self, asked: Asked) {
        let done = match asked.ask {
            Ask::Status => Ok(()),
            Ask::Drain => self.drain(true),
            Ask::Resume => self.drain(false),
        };
        // Who asked may have gone.
        let _ = asked.answer.send(done.map(|()| self.status()));
    }

    /// On disk first: a worker that is restarted goes on draining.
    fn drain(&mut self, draining: bool) -> io::Result<()> {
        folders::set_draining(self.context.folders.root(), draining)?;
        if self.rig.draining != draining {
            tracing::info!(draining, "the rig's owner has said whether it takes further leases");
        }
        self.rig.draining = draining;
        // Before its time: until then the orchestrator would offer what is refused.
        self.beat();
        Ok(())
    }

    /// A task that was taken back has not failed, and of a buyer's program the rig's owner has nothing to mend.
    pub(super) fn note_failure(&mut self, key: TaskKey, failure: &Failure) {
        let cause = failure.cause;
        if cause.fault() != Fault::Nobody {
            self.noted.totals.tasks_failed += 1;
        }
        if cause.fault() == Fault::Node {
            self.context.troubles.note_words(
                cause.code(),
                format!("task {key}: {failure}"),
                cause.hint(),
                self.clock.now(),
            );
        }
    }

    fn status(&self) -> Status {
        let inventory = &self.context.inventory;
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: self.context.node,
            node_key: keys::address_of(&self.node_key),
            at: self.clock.now(),
            started_at: self.noted.started_at,
            link: LinkStatus {
                orchestrator: self.context.orchestrator_url.clone(),
                connected: self.noted.connected,
                since: self.noted.link_since,
            },
            draining: self.rig.takes_no_more(),
            told_to_drain: self.rig.draining,
            unfit: self.unfit(),
            gpu_links: links::of(inventory),
            gpus: (0..).zip(&inventory.gpus).map(|(position, gpu)| self.gpu(position, gpu)).collect(),
            leases: leases::of(&self.agent, &self.gpu_usages),
            votes: votes::of(&self.agent),
            tasks: tasks::of(&self.agent),
            storage: StorageStatus::default(),
            bids: self.agent.bids().copied().collect(),
            totals: self.noted.totals.clone(),
            troubles: self.context.troubles.list(),
        }
    }

    /// What lasts as long as the worker, and GPUs that it will not look at again.
    fn unfit(&self) -> Vec<Unfit> {
        let lasting = self.context.troubles.lasting().into_iter();
        let gpus = self.agent.faulty_gpus().map(|(gpu, fault)| Unfit {
            code: fault.code().to_owned(),
            cause: format!("GPU {gpu}: {fault}"),
            hint: fault.hint(),
        });
        lasting.map(|Trouble { code, cause, hint, .. }| Unfit { code, cause, hint }).chain(gpus).collect()
    }

    fn gpu(&self, position: u16, gpu: &Gpu) -> GpuStatus {
        let reading = self.context.monitor.as_ref().and_then(|monitor| monitor.reading(position));
        let mut users = self.agent.live_leases().filter(|(_, lease)| lease.terms.gpus.contains(&position));
        let fault = self.agent.faulty_gpus().find(|(at, _)| *at == position).map(|(_, fault): (_, GpuFault)| fault);
        GpuStatus {
            uuid: gpu.uuid.clone(),
            model: gpu.model.clone(),
            vram_mib: gpu.vram_mib,
            slice: gpu.slice.as_ref().map(|slice| slice.profile.clone()),
            simulated: self.context.inventory.simulated,
            lease: users.next().map(|(address, _)| address),
            fault: fault.map(|fault| fault.to_string()),
            busy_percent: reading.and_then(|reading| reading.busy_percent),
            memory_used_mib: reading.map(|reading| reading.memory.used_mib),
            milliwatts: reading.and_then(|reading| reading.milliwatts),
            celsius: reading.and_then(|reading| reading.celsius),
        }
    }
}
