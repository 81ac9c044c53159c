//! A transaction under way: its accounts as the instructions so far left them, and who calls whom.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use solana_clock::Clock;
use solana_instruction::Instruction;
use solana_instruction_error::InstructionError;
use solana_pubkey::Pubkey;
use solana_rent::Rent;
use solana_sdk_ids::{system_program, sysvar};

use crate::loader::{Entry, Memory};
use crate::message::Privilege;
use crate::privilege::Held;
use crate::{Account, system};

/// How deep programs may call each other, the first included. Source: SIMD-0268 is not active yet.
const DEEPEST_STACK: usize = 5;
/// Most instructions of a transaction, inner ones included.
const LONGEST_TRACE: usize = 64;

/// An account of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstructionAccount {
    pub key: Pubkey,
    pub privilege: Privilege,
}

/// An instruction under way.
pub struct Frame {
    pub program: Pubkey,
    pub accounts: Vec<InstructionAccount>,
}

impl Frame {
    /// What this instruction may do with an account, if it names it.
    pub fn privilege(&self, key: &Pubkey) -> Option<Privilege> {
        self.accounts.iter().find(|account| account.key == *key).map(|account| account.privilege)
    }
}

pub struct Transaction {
    pub accounts: BTreeMap<Pubkey, Account>,
    pub programs: Rc<BTreeMap<Pubkey, Entry>>,
    pub clock: Clock,
    pub rent: Rent,
    pub stack: Vec<Frame>,
    /// Instructions that programs called, in the order they were called.
    pub inner: Vec<Instruction>,
    /// Instructions begun so far.
    pub trace: usize,
    /// Which instruction of the transaction is under way.
    pub index: u16,
    pub made: i128,
    /// A call that failed ends the transaction; on chain its caller never runs on.
    pub failed: Option<InstructionError>,
}

thread_local! {
    /// Programs reach the chain by system calls, which have no argument that could carry it.
    static UNDER_WAY: RefCell<Option<Transaction>> = const { RefCell::new(None) };
}

/// The transaction of this thread.
///
/// # Panics
/// Outside of one.
pub fn current<T>(with: impl FnOnce(&mut Transaction) -> T) -> T {
    UNDER_WAY.with_borrow_mut(|slot| with(slot.as_mut().expect("a system call outside of a transaction")))
}

/// Runs `body` with `transaction` under way, and hands it back.
pub fn under_way<T>(transaction: Transaction, body: impl FnOnce() -> T) -> (Transaction, T) {
    UNDER_WAY.set(Some(transaction));
    let result = body();
    (UNDER_WAY.take().expect("nobody else takes it"), result)
}

impl Transaction {
    pub fn frame(&self) -> Result<&Frame, InstructionError> {
        self.stack.last().ok_or(InstructionError::CallDepth)
    }

    pub fn signed(&self, index: usize) -> Result<bool, InstructionError> {
        Ok(self.frame()?.accounts[index].privilege.signer)
    }

    /// An account of the innermost instruction, by its place in the account list.
    pub fn held(&mut self, index: usize) -> Result<Held<'_>, InstructionError> {
        let InstructionAccount { key, privilege } = self.frame()?.accounts[index];
        self.hold(&key, privilege.writable)
    }

    pub fn hold(&mut self, key: &Pubkey, writable: bool) -> Result<Held<'_>, InstructionError> {
        let program = self.frame()?.program;
        let account = self.accounts.get_mut(key).ok_or(InstructionError::MissingAccount)?;
        Ok(Held { account, writable, program, made: &mut self.made })
    }

    fn push(&mut self, frame: Frame) -> Result<(), InstructionError> {
        let recursion = self.stack.last().is_some_and(|caller| caller.program == frame.program);
        if !recursion && self.stack.iter().any(|caller| caller.program == frame.program) {
            return Err(InstructionError::ReentrancyNotAllowed);
        }
        if !self.stack.is_empty() && self.made != 0 {
            return Err(InstructionError::UnbalancedInstruction);
        }
        if self.trace >= LONGEST_TRACE {
            return Err(InstructionError::MaxInstructionTraceLengthExceeded);
        }
        if self.stack.len() >= DEEPEST_STACK {
            return Err(InstructionError::CallDepth);
        }
        self.trace += 1;
        self.stack.push(frame);
        if let Some(account) = self.accounts.get_mut(&sysvar::instructions::ID) {
            solana_instructions_sysvar::store_current_index_checked(&mut account.data, self.index)?;
        }
        Ok(())
    }

    fn pop(&mut self) -> Result<(), InstructionError> {
        self.stack.pop();
        if self.made == 0 { Ok(()) } else { Err(InstructionError::UnbalancedInstruction) }
    }
}

/// Runs one instruction, called by a transaction or by a program.
///
/// # Errors
/// The program's, or the rule that it broke.
pub fn process(frame: Frame, data: &[u8]) -> Result<(), InstructionError> {
    let program = frame.program;
    let entry = current(|transaction| {
        let entry = transaction.programs.get(&program).copied();
        if entry.is_none() && program != system_program::ID {
            return Err(InstructionError::UnsupportedProgramId);
        }
        transaction.push(frame)?;
        Ok(entry)
    })?;
    let result = match entry {
        Some(entry) => run(entry, data),
        None => current(|transaction| system::process(transaction, data)),
    };
    result.and(current(Transaction::pop))
}

fn run(entry: Entry, data: &[u8]) -> Result<(), InstructionError> {
    let mut memory = current(|transaction| {
        let Transaction { stack, accounts, .. } = transaction;
        let frame = stack.last().ok_or(InstructionError::CallDepth)?;
        Ok::<_, InstructionError>(Memory::lay_out(frame, accounts, data))
    })?;
    let result = memory.call(entry);
    current(|transaction| {
        if let Some(error) = transaction.failed.clone() {
            return Err(error);
        }
        result?;
        memory.leave(transaction)
    })
}
