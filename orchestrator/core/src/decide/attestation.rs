use std::collections::BTreeSet;

use millrace_protocol::{Address, HardwareAttestation, HardwareClass, UnixSeconds};
use millrace_spec::Sha256;

use crate::state::proof::Proof;
use crate::{Action, Core, NodeView, Now};

impl Core {
    /// Brings what nodes have shown to the chain, and takes back what counts no more. The chain's own account
    /// says whether that has happened, so that a restart repeats nothing.
    pub(super) fn attest(&mut self, now: Now, nodes: &BTreeSet<Address>) {
        for node in nodes.iter().copied() {
            let Some(view) = self.market.node(node).map(|entry| entry.view) else { continue };
            let Some(proof) = self.proofs.get_mut(&node) else { continue };
            if proof.crank.in_flight || now.millis < proof.crank.again_at {
                continue;
            }
            if let Some((attestation, digest, score)) = lacking(node, proof, &view, now.chain) {
                proof.crank.in_flight = true;
                self.push(Action::AttestNode { node, attestation, digest, score });
            }
        }
    }
}

/// What the node's account is to say of its hardware and does not.
fn lacking(
    node: Address,
    proof: &Proof,
    view: &NodeView,
    now: UnixSeconds,
) -> Option<(HardwareAttestation, Sha256, u16)> {
    let known = view.node.attestation;
    if known.shows(HardwareClass::Enclave, now) {
        return None;
    }
    match proof.standing(now).filter(|_| !view.node.hardware.simulated) {
        Some(shown) => {
            let attestation = HardwareAttestation { class: HardwareClass::Challenged, expires_at: shown.until };
            let is_there = known.shows(attestation.class, now) && known.expires_at >= attestation.expires_at;
            (!is_there).then(|| (attestation, shown.evidence.digest(node), shown.evidence.score))
        }
        None => {
            let stands = proof.withdrawn && known.shows(HardwareClass::Challenged, now);
            stands.then(|| (HardwareAttestation::default(), Sha256([0; 32]), 0))
        }
    }
}
