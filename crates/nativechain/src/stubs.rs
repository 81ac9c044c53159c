//! The system calls that programs make, answered by the transaction of this thread.

use std::sync::Once;

use solana_account_info::AccountInfo;
use solana_clock::Clock;
use solana_instruction::Instruction;
use solana_program_entrypoint::SUCCESS;
use solana_program_error::{ProgramError, ProgramResult};
use solana_rent::Rent;
use solana_sysvar::program_stubs::{SyscallStubs, set_syscall_stubs};

use crate::invoke::invoke;
use crate::transaction::current;

struct Calls;

impl SyscallStubs for Calls {
    fn sol_log(&self, _message: &str) {}

    fn sol_log_data(&self, _fields: &[&[u8]]) {}

    fn sol_invoke_signed(&self, instruction: &Instruction, infos: &[AccountInfo], seeds: &[&[&[u8]]]) -> ProgramResult {
        invoke(instruction, infos, seeds).map_err(|error| {
            current(|transaction| transaction.failed.get_or_insert_with(|| error.clone()).clone());
            ProgramError::try_from(error).unwrap_or(ProgramError::InvalidArgument)
        })
    }

    fn sol_get_stack_height(&self) -> u64 {
        current(|transaction| transaction.stack.len() as u64)
    }

    #[allow(unsafe_code, reason = "the call's own shape")]
    fn sol_get_clock_sysvar(&self, to: *mut u8) -> u64 {
        // SAFETY: `Clock::get` is the only caller, and hands over a `Clock`.
        unsafe { to.cast::<Clock>().write(current(|transaction| transaction.clock.clone())) };
        SUCCESS
    }

    #[allow(unsafe_code, reason = "the call's own shape")]
    fn sol_get_rent_sysvar(&self, to: *mut u8) -> u64 {
        // SAFETY: `Rent::get` is the only caller, and hands over a `Rent`.
        unsafe { to.cast::<Rent>().write(current(|transaction| transaction.rent.clone())) };
        SUCCESS
    }
}

/// Answers system calls from now on.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(set_syscall_stubs(Box::new(Calls))));
}
