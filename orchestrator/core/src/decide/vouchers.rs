use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{Address, Seconds};
use millrace_spec::Sha256;
use millrace_spec::merkle::{self, Leaf};

use crate::state::check::CheckState;
use crate::state::lease::Stage;
use crate::state::task::{Task, TaskState};
use crate::{Action, Core, Now};

impl Core {
    /// The voucher that follows the lease's last one, not final, not yet issued.
    pub(super) fn next_voucher(&self, now: Now, lease: Address) -> Option<Voucher> {
        let entry = self.leases.get(&lease)?;
        let job = self.jobs.get(&entry.view.job)?;
        let on_chain = &entry.view.lease;
        let (sequence, attested, down) = entry
            .voucher
            .map_or((0, Seconds::ZERO, Seconds::ZERO), |voucher| (voucher.sequence, voucher.metered, voucher.downtime));
        let metered = entry.meter.attestable(on_chain, &job.view.job, attested.max(on_chain.metered), now.chain);
        let down = down.max(on_chain.downtime);
        Some(Voucher {
            program: self.settings.program,
            lease,
            sequence: sequence.max(on_chain.sequence) + 1,
            metered,
            downtime: entry.meter.attestable_downtime(on_chain, metered, down, now.chain),
            is_final: false,
            exit_class: ExitClass::default(),
            result_root: [0; 32],
        })
    }

    /// Answers a heartbeat: a new voucher where there is more to attest or the last one is
    /// redeemed, otherwise the last one again, in case it was lost on the way.
    pub(crate) fn answer_with_voucher(&mut self, now: Now, lease: Address) {
        let Some(next) = self.next_voucher(now, lease).filter(|_| self.attends(lease)) else { return };
        let Some(entry) = self.leases.get_mut(&lease) else { return };
        let node = entry.view.node;
        let last = entry.unredeemed().copied();
        let more = last.is_none_or(|last| next.metered > last.metered || next.downtime > last.downtime);
        let voucher = match entry.stage {
            Stage::Working if entry.meter.started() && more => {
                entry.voucher = Some(next);
                self.touch_lease(lease);
                Some(next)
            }
            Stage::Reported => entry.final_voucher().copied(),
            _ => last,
        };
        if let Some(voucher) = voucher {
            self.push(Action::IssueVoucher { node, voucher });
        }
    }

    /// Merkle root over what the lease's tasks produced, those that it ran again included.
    pub fn result_root(&self, lease: Address) -> Sha256 {
        let Some(job) = self.leases.get(&lease).and_then(|entry| self.jobs.get(&entry.view.job)) else {
            return Sha256::default();
        };
        let Some(tasks) = self.tasks_of(lease) else { return Sha256::default() };
        let same = |task: &Task| {
            let check = task.check.as_ref().map(|check| check.state);
            task.state == TaskState::Done { lease } || check == Some(CheckState::Equal { lease })
        };
        let made = tasks.iter().zip(0u32..).filter(|(task, _)| same(task));
        let other = job.story().findings.iter().filter(|finding| finding.second.lease == lease);
        let outputs = made.map(|(task, number)| (number, &task.outputs));
        let outputs = outputs.chain(other.map(|finding| (finding.task, &finding.second.outputs)));
        let leaves = outputs.flat_map(|(task, outputs)| {
            outputs.iter().map(move |output| Leaf { task, path: output.path.clone(), object: output.object })
        });
        merkle::root(leaves.collect())
    }
}
