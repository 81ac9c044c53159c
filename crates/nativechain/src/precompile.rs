//! The ed25519 precompile, as in `agave-precompiles`.

use ed25519_dalek::{Signature, VerifyingKey};
use solana_instruction::Instruction;
use solana_instruction_error::InstructionError;
use solana_precompile_error::PrecompileError;

/// Number of signatures, and a byte that nobody looks at.
const HEADER: usize = 2;
/// Seven `u16`: where signature, key and message lie, each with the instruction it lies in.
const OFFSETS: usize = 14;

/// Checks every signature that an instruction of the precompile names.
///
/// # Errors
/// The precompile's error as a custom code, the way the chain reports it.
pub fn verify(data: &[u8], instructions: &[Instruction]) -> Result<(), InstructionError> {
    signatures(data, instructions).map_err(|error| InstructionError::Custom(error as u32))
}

fn signatures(data: &[u8], instructions: &[Instruction]) -> Result<(), PrecompileError> {
    let [count, _, offsets @ ..] = data else { return Err(PrecompileError::InvalidInstructionDataSize) };
    let count = usize::from(*count);
    if (count == 0 && data.len() > HEADER) || offsets.len() < count * OFFSETS {
        return Err(PrecompileError::InvalidInstructionDataSize);
    }
    for offsets in offsets.chunks_exact(OFFSETS).take(count) {
        let field = |index: usize| u16::from_le_bytes([offsets[2 * index], offsets[2 * index + 1]]);
        let part = |at: u16, length: usize, instruction: u16| {
            let whole = match instruction {
                u16::MAX => data,
                other => &instructions.get(usize::from(other)).ok_or(PrecompileError::InvalidDataOffsets)?.data,
            };
            let at = usize::from(at);
            whole.get(at..at + length).ok_or(PrecompileError::InvalidDataOffsets)
        };
        let signature = part(field(0), 64, field(1))?;
        // The chain's older `ed25519-dalek` sees these bits when it reads, this one when it verifies.
        if signature[63] & 0b1110_0000 != 0 {
            return Err(PrecompileError::InvalidSignature);
        }
        let signature = Signature::from_slice(signature).map_err(|_| PrecompileError::InvalidSignature)?;
        let key = part(field(2), 32, field(3))?.try_into().map_err(|_| PrecompileError::InvalidPublicKey)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| PrecompileError::InvalidPublicKey)?;
        let message = part(field(4), usize::from(field(5)), field(6))?;
        key.verify_strict(message, &signature).map_err(|_| PrecompileError::InvalidSignature)?;
    }
    Ok(())
}
