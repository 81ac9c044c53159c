use std::collections::BTreeSet;

use millrace_protocol::{Address, HardwareClass, NodeStatus, Seconds, UnixSeconds};

use crate::action::ChallengeOrder;
use crate::state::proof::Proof;
use crate::state::task::Cause;
use crate::{Action, Core, NodeView, Now};

/// How long what was shown counts, by the chain's clock.
pub(crate) const LASTS: Seconds = Seconds(86_400);
/// After this long it is shown again, if the rig is idle.
pub(super) const RENEW_AFTER: Seconds = Seconds(43_200);
/// And after this long where a job has run since.
pub(super) const BETWEEN_JOBS: Seconds = Seconds(3_600);
/// Milliseconds until a rig that was busy or away when its turn came is looked at again.
const LOOK_AGAIN: u64 = 5_000;
/// Milliseconds after which nobody waits for a challenge any more. Longer than any deadline of one.
pub(super) const OVERDUE: u64 = 1_200_000;

impl Core {
    /// Has the nodes among these show their GPUs whose turn it is, and who have nothing better to do.
    pub(super) fn challenge(&mut self, now: Now, nodes: &BTreeSet<Address>) {
        for node in nodes.iter().copied() {
            let Some(view) = self.market.node(node).map(|entry| entry.view) else { continue };
            self.void(now, node, &view);
            let is_ready = self.is_live(now, node) && self.market.is_idle(node);
            let Some(proof) = self.proofs.get_mut(&node) else { continue };
            if proof.asked.is_some_and(|(_, since)| now.millis >= since.saturating_add(OVERDUE)) {
                proof.asked = None;
            }
            let wanted = proof.asked.is_none() && is_wanted(proof, &view, now.chain);
            if !wanted || now.millis < proof.again_at {
                continue;
            }
            proof.again_at = now.millis + LOOK_AGAIN;
            let Some(gpus) = proof.announced.clone().filter(|_| is_ready) else { continue };
            match self.objection(now, node, &view, &gpus) {
                Some(cause) => self.refuse_proof(now, node, cause),
                None => self.ask(now, node, &view, gpus),
            }
        }
    }

    fn ask(&mut self, now: Now, node: Address, view: &NodeView, gpus: Vec<String>) {
        let challenge = self.next_challenge;
        self.next_challenge += 1;
        let Some(proof) = self.proofs.get_mut(&node) else { return };
        proof.asked = Some((challenge, now.millis));
        let (vram_mib, simulated) = (view.node.hardware.vram_mib, view.node.hardware.simulated);
        self.push(Action::ChallengeNode(ChallengeOrder { challenge, node, gpus, vram_mib, simulated }));
    }

    /// What was shown of other hardware than the account describes now, or under another key, shows nothing.
    fn void(&mut self, now: Now, node: Address, view: &NodeView) {
        let Some(proof) = self.proofs.get_mut(&node) else { return };
        let is_void =
            proof.shown.as_ref().is_some_and(|shown| (shown.hardware, shown.key) != (view.node.hardware, view.key));
        if is_void {
            (proof.withdrawn, proof.again_at) = (true, now.millis);
            self.set_shown(node, None);
        }
    }

    /// What speaks against the GPUs that a worker names, without asking them.
    pub(crate) fn objection(&self, now: Now, node: Address, view: &NodeView, gpus: &[String]) -> Option<Cause> {
        let registered = usize::from(view.node.hardware.gpu_count);
        if gpus.len() != registered {
            return Some(Cause {
                code: "challenge-gpus-differ".to_owned(),
                message: format!("the rig has {} GPUs, its account says {registered}", gpus.len()),
                hint: "register the GPUs that are in the rig, or look for one that the driver has lost".to_owned(),
            });
        }
        if view.node.hardware.simulated {
            return None;
        }
        let twice = gpus.iter().enumerate().find(|(at, gpu)| gpus[..*at].contains(gpu)).map(|(_, gpu)| (gpu, node));
        let elsewhere = || gpus.iter().find_map(|gpu| Some((gpu, self.holder(now, gpu).filter(|at| *at != node)?)));
        let (gpu, holder) = twice.or_else(elsewhere)?;
        Some(Cause {
            code: "challenge-gpu-elsewhere".to_owned(),
            message: format!("the GPU {gpu} is one that {holder} has shown already"),
            hint: "one GPU is sold by one node: remove the other node, or wait until what it has shown expires"
                .to_owned(),
        })
    }

    /// Who has shown the GPU, as long as that counts.
    fn holder(&self, now: Now, gpu: &str) -> Option<Address> {
        let holder = *self.gpu_holders.get(gpu)?;
        self.proofs.get(&holder)?.standing(now.chain).map(|_| holder)
    }
}

/// Whether the node is to show its GPUs, as soon as it is there and idle.
fn is_wanted(proof: &Proof, view: &NodeView, now: UnixSeconds) -> bool {
    let node = &view.node;
    // What shows more than a challenge does needs none.
    let is_enclave = node.attestation.shows(HardwareClass::Enclave, now);
    if proof.announced.is_none() || node.hardware.gpu_count == 0 || node.status != NodeStatus::Active || is_enclave {
        return false;
    }
    let Some(shown) = &proof.shown else { return true };
    let age = now.since(shown.since);
    now >= shown.until || age >= RENEW_AFTER || (proof.used && age >= BETWEEN_JOBS)
}
