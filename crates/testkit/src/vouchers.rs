//! Vouchers, their signatures, and the precompile instruction that carries them.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use millrace::precompile;
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{Address, Seconds};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// A voucher for `lease` that does not end it.
pub fn attestation(lease: Pubkey, sequence: u64, metered: Seconds) -> Voucher {
    Voucher {
        program: Address(millrace::ID.to_bytes()),
        lease: Address(lease.to_bytes()),
        sequence,
        metered,
        downtime: Seconds::ZERO,
        is_final: false,
        exit_class: ExitClass::Completed,
        result_root: [0; 32],
    }
}

/// The instruction that makes the chain check `attestor`'s signature on a voucher.
pub fn signature_check(attestor: &Keypair, voucher: &Voucher) -> Instruction {
    let message = voucher.encode();
    let signature = attestor.sign_message(&message);
    Instruction {
        program_id: solana_sdk_ids::ed25519_program::ID,
        accounts: Vec::new(),
        data: precompile::instruction_data(&attestor.pubkey().to_bytes(), signature.as_array(), &message),
    }
}
