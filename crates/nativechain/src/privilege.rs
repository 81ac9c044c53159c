//! What a program may change about an account, as `solana-transaction-context` holds it.

use solana_instruction_error::InstructionError;
use solana_pubkey::Pubkey;

use crate::Account;

/// Most bytes an account can have. Source: `solana_system_interface::MAX_PERMITTED_DATA_LENGTH`.
pub const LONGEST_DATA: usize = 10 * 1024 * 1024;

/// One account in the hands of one instruction.
pub struct Held<'a> {
    pub account: &'a mut Account,
    pub writable: bool,
    /// The program that holds it.
    pub program: Pubkey,
    /// Lamports that the instruction under way made (or, negative, lost) so far.
    pub made: &'a mut i128,
}

impl Held<'_> {
    fn owned(&self) -> bool {
        self.account.owner == self.program
    }

    pub fn set_lamports(&mut self, lamports: u64) -> Result<(), InstructionError> {
        if !self.owned() && lamports < self.account.lamports {
            return Err(InstructionError::ExternalAccountLamportSpend);
        }
        if !self.writable {
            return Err(InstructionError::ReadonlyLamportChange);
        }
        *self.made += i128::from(lamports) - i128::from(self.account.lamports);
        self.account.lamports = lamports;
        Ok(())
    }

    pub fn take(&mut self, lamports: u64) -> Result<(), InstructionError> {
        let left = self.account.lamports.checked_sub(lamports).ok_or(InstructionError::ArithmeticOverflow)?;
        self.set_lamports(left)
    }

    pub fn give(&mut self, lamports: u64) -> Result<(), InstructionError> {
        let sum = self.account.lamports.checked_add(lamports).ok_or(InstructionError::ArithmeticOverflow)?;
        self.set_lamports(sum)
    }

    fn may_write(&self, length: usize) -> Result<(), InstructionError> {
        if length > LONGEST_DATA {
            return Err(InstructionError::InvalidRealloc);
        }
        if !self.writable {
            return Err(InstructionError::ReadonlyDataModified);
        }
        if !self.owned() {
            return Err(InstructionError::ExternalAccountDataModified);
        }
        Ok(())
    }

    pub fn set_data(&mut self, data: &[u8]) -> Result<(), InstructionError> {
        self.may_write(data.len())?;
        self.account.data.clear();
        self.account.data.extend_from_slice(data);
        Ok(())
    }

    pub fn set_length(&mut self, length: usize) -> Result<(), InstructionError> {
        self.may_write(length)?;
        self.account.data.resize(length, 0);
        Ok(())
    }

    pub fn set_owner(&mut self, owner: Pubkey) -> Result<(), InstructionError> {
        if !self.owned() || !self.writable || self.account.data.iter().any(|byte| *byte != 0) {
            return Err(InstructionError::ModifiedProgramId);
        }
        self.account.owner = owner;
        Ok(())
    }

    /// Takes over what a program left behind, if it may have done that.
    pub fn update(&mut self, lamports: u64, data: &[u8], owner: &Pubkey) -> Result<(), InstructionError> {
        if self.account.lamports != lamports {
            self.set_lamports(lamports)?;
        }
        if self.account.data != data {
            self.set_data(data)?;
        }
        // At the end, so that a program can clear an account and give it away at once.
        if self.account.owner != *owner {
            self.set_owner(*owner)?;
        }
        Ok(())
    }
}
