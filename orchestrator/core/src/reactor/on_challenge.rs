use millrace_protocol::{Address, UnixSeconds};

use crate::backoff::Backoff;
use crate::decide::LASTS;
use crate::event::ChallengeResult;
use crate::evidence::Evidence;
use crate::state::proof::{Refused, Shown};
use crate::state::task::Cause;
use crate::{Action, Core, Now};

/// Milliseconds until a node that had something better to do, or went away, is asked again.
const REST_AFTER_GIVING_UP: u64 = 60_000;
/// Until a node that was refused is asked again.
const REST: Backoff = Backoff { first: 300_000, longest: 21_600_000 };

impl Core {
    pub(crate) fn on_gpus_announced(&mut self, node: Address, session: u64, gpus: Vec<String>) {
        if self.worker(node).is_some_and(|worker| worker.session == session && worker.connected) {
            self.proofs.entry(node).or_default().announced = Some(gpus);
        }
    }

    /// Another stream of the worker, or none: whatever it was asked it will not answer, and what it has it
    /// says anew.
    pub(crate) fn forget_announcement(&mut self, now: Now, node: Address) {
        if let Some(proof) = self.proofs.get_mut(&node) {
            proof.announced = None;
            if proof.asked.take().is_some() {
                proof.again_at = now.millis + REST_AFTER_GIVING_UP;
            }
        }
    }

    pub(crate) fn on_challenge_ended(&mut self, now: Now, node: Address, challenge: u64, result: ChallengeResult) {
        let Some(proof) = self.proofs.get_mut(&node) else { return };
        if proof.asked.is_none_or(|(asked, _)| asked != challenge) {
            return;
        }
        proof.asked = None;
        match result {
            ChallengeResult::GivenUp => proof.again_at = now.millis + REST_AFTER_GIVING_UP,
            ChallengeResult::Refused(cause) => self.refuse_proof(now, node, cause),
            ChallengeResult::Shown(evidence) => self.take_evidence(now, node, *evidence),
        }
    }

    fn take_evidence(&mut self, now: Now, node: Address, evidence: Evidence) {
        let Some(view) = self.market.node(node).map(|entry| entry.view) else { return };
        let gpus: Vec<String> = evidence.gpus.iter().map(|gpu| gpu.gpu.clone()).collect();
        // Another node may have been faster with the same GPUs.
        let objection = self.objection(now, node, &view, &gpus);
        let before = self.proofs.get(&node).and_then(|proof| proof.standing(now.chain));
        let differs = before.is_some_and(|before| before.driver() != evidence.driver);
        let objection = match (objection, evidence.simulated && !view.node.hardware.simulated) {
            (Some(cause), _) => Some(cause),
            (None, true) => Some(simulated()),
            (None, false) => differs.then(driver_changed),
        };
        if let Some(cause) = objection {
            return self.refuse_proof(now, node, cause);
        }
        let until = now.chain.after(LASTS).unwrap_or(UnixSeconds::MAX);
        // Whatever answered, an account that says its GPUs do not exist is believed.
        let evidence = Evidence { simulated: view.node.hardware.simulated, ..evidence };
        let (hardware, key) = (view.node.hardware, view.key);
        self.set_shown(node, Some(Shown { evidence, hardware, key, since: now.chain, until }));
        if let Some(proof) = self.proofs.get_mut(&node) {
            (proof.refused, proof.withdrawn, proof.used, proof.again_at) = (None, false, false, 0);
            proof.note_seen(now.chain);
        }
        self.market.set_refused(node, false);
    }

    /// The node's answer does not count, and nothing that it has shown before does either.
    pub(crate) fn refuse_proof(&mut self, now: Now, node: Address, cause: Cause) {
        self.set_shown(node, None);
        let Some(proof) = self.proofs.get_mut(&node) else { return };
        let times = proof.refused.as_ref().map_or(0, |refused| refused.times);
        let again_at = now.millis + REST.after(times);
        let told = cause.clone();
        proof.refused = Some(Refused { cause, at: now.chain, again_at, times: times.saturating_add(1) });
        (proof.withdrawn, proof.again_at) = (true, again_at);
        self.market.set_refused(node, true);
        self.push(Action::TellRefusal { node, cause: told });
    }

    /// Replaces what the node has shown, and whose GPUs are whose.
    pub(crate) fn set_shown(&mut self, node: Address, shown: Option<Shown>) {
        let Some(proof) = self.proofs.get_mut(&node) else { return };
        let before = std::mem::replace(&mut proof.shown, shown);
        let gpus: Vec<String> = proof.shown.iter().flat_map(Shown::gpus).map(str::to_owned).collect();
        for gpu in before.iter().flat_map(Shown::gpus) {
            if self.gpu_holders.get(gpu) == Some(&node) {
                self.gpu_holders.remove(gpu);
            }
        }
        self.gpu_holders.extend(gpus.into_iter().map(|gpu| (gpu, node)));
        self.touch_proof(node);
    }

    /// The node's account is gone, and what it has shown with it.
    pub(crate) fn forget_proof(&mut self, node: Address) {
        if self.proofs.contains_key(&node) {
            self.set_shown(node, None);
            self.drop_proof(node);
            self.market.set_refused(node, false);
        }
    }
}

fn simulated() -> Cause {
    Cause {
        code: "challenge-simulated".to_owned(),
        message: "the answer was computed by a processor, not by a GPU".to_owned(),
        hint: "install the NVIDIA driver, or register the node's GPUs as simulated".to_owned(),
    }
}

fn driver_changed() -> Cause {
    Cause {
        code: "challenge-driver-changed".to_owned(),
        message: "the driver's library is not the one that the node has shown before".to_owned(),
        hint: "nothing to do after an upgrade of the driver: the node is asked again, and then shows the new one"
            .to_owned(),
    }
}
