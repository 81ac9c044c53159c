//! The system program, as in `solana-system-program`.

use solana_instruction_error::InstructionError;
use solana_pubkey::Pubkey;
use solana_sdk_ids::system_program;
use solana_system_interface::error::SystemError;
use solana_system_interface::instruction::SystemInstruction;

use crate::privilege::LONGEST_DATA;
use crate::transaction::Transaction;

/// Runs an instruction of the system program on the frame that was pushed for it.
///
/// # Errors
/// Its own; [`InstructionError::InvalidInstructionData`] also for what is not modelled.
pub fn process(transaction: &mut Transaction, data: &[u8]) -> Result<(), InstructionError> {
    let instruction = bincode::deserialize(data).map_err(|_| InstructionError::InvalidInstructionData)?;
    let mut call = Call { transaction };
    match instruction {
        SystemInstruction::CreateAccount { lamports, space, owner } => {
            call.needs(2)?;
            if call.transaction.held(1)?.account.lamports > 0 {
                return Err(custom(SystemError::AccountAlreadyInUse));
            }
            call.allocate(1, space)?;
            call.assign(1, owner)?;
            call.transfer(0, 1, lamports)
        }
        SystemInstruction::CreateAccountAllowPrefund { lamports, space, owner } => {
            call.needs(if lamports > 0 { 2 } else { 1 })?;
            call.allocate(0, space)?;
            call.assign(0, owner)?;
            if lamports > 0 { call.transfer(1, 0, lamports) } else { Ok(()) }
        }
        SystemInstruction::Assign { owner } => {
            call.needs(1)?;
            call.assign(0, owner)
        }
        SystemInstruction::Allocate { space } => {
            call.needs(1)?;
            call.allocate(0, space)
        }
        SystemInstruction::Transfer { lamports } => {
            call.needs(2)?;
            call.transfer(0, 1, lamports)
        }
        _ => Err(InstructionError::InvalidInstructionData),
    }
}

struct Call<'a> {
    transaction: &'a mut Transaction,
}

impl Call<'_> {
    fn needs(&self, accounts: usize) -> Result<(), InstructionError> {
        if self.transaction.frame()?.accounts.len() < accounts {
            return Err(InstructionError::MissingAccount);
        }
        Ok(())
    }

    fn allocate(&mut self, index: usize, space: u64) -> Result<(), InstructionError> {
        if !self.transaction.signed(index)? {
            return Err(InstructionError::MissingRequiredSignature);
        }
        let mut held = self.transaction.held(index)?;
        if !held.account.data.is_empty() || held.account.owner != system_program::ID {
            return Err(custom(SystemError::AccountAlreadyInUse));
        }
        let space = usize::try_from(space).ok().filter(|space| *space <= LONGEST_DATA);
        held.set_length(space.ok_or(custom(SystemError::InvalidAccountDataLength))?)
    }

    fn assign(&mut self, index: usize, owner: Pubkey) -> Result<(), InstructionError> {
        if self.transaction.held(index)?.account.owner == owner {
            return Ok(());
        }
        if !self.transaction.signed(index)? {
            return Err(InstructionError::MissingRequiredSignature);
        }
        self.transaction.held(index)?.set_owner(owner)
    }

    fn transfer(&mut self, from: usize, to: usize, lamports: u64) -> Result<(), InstructionError> {
        if !self.transaction.frame()?.accounts[from].privilege.signer {
            return Err(InstructionError::MissingRequiredSignature);
        }
        let mut payer = self.transaction.held(from)?;
        if !payer.account.data.is_empty() {
            return Err(InstructionError::InvalidArgument);
        }
        if lamports > payer.account.lamports {
            return Err(custom(SystemError::ResultWithNegativeLamports));
        }
        payer.take(lamports)?;
        self.transaction.held(to)?.give(lamports)
    }
}

fn custom(error: SystemError) -> InstructionError {
    InstructionError::Custom(error as u32)
}
