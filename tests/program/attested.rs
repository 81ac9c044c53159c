use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::state::Node;

/// The node with an attestation of its hardware that does not expire soon.
pub fn attested(node: Node) -> Node {
    Node {
        attestor: Pubkey::new_from_array([3; 32]),
        attestation_digest: [4; 32],
        attestation_score: 5,
        attestation_class: 2,
        attestation_expires_at: u64::MAX,
        ..node
    }
}
