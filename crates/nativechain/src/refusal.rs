use solana_instruction_error::InstructionError;
use solana_pubkey::Pubkey;

/// Why a transaction changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("instruction {0} failed: {1}")]
    Instruction(u8, InstructionError),
    /// The account would be left with lamports, but with fewer than its size asks for.
    #[error("{0} is left short of rent")]
    Rent(Pubkey),
    #[error("{0} is not a program")]
    NotAProgram(Pubkey),
}
