use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, HardwareAttestation};

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// What the scheduler has seen of a node's hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The class [`Claimed`](millrace_protocol::HardwareClass::Claimed) takes an earlier attestation back.
    pub shown: HardwareAttestation,
    /// SHA-256 of the evidence.
    pub digest: [u8; 32],
    /// Score of the challenge, as the scheduler counts.
    pub score: u16,
}

/// Writes an attestation down at the node, in place of an earlier one. Signers: `scheduler`.
pub fn attest_node(scheduler: Address, node: Address, attestation: Attestation) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::AttestNode {
        config: pubkey(address::config()),
        scheduler: pubkey(scheduler),
        node: pubkey(node),
        event_authority,
        program,
    };
    let args = millrace::AttestNodeArgs {
        digest: attestation.digest,
        class: attestation.shown.class as u8,
        score: attestation.score,
        expires_at: attestation.shown.expires_at.0,
    };
    vec![build(accounts, millrace::instruction::AttestNode { args })]
}
