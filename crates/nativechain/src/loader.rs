//! The memory in which a program finds its accounts.
//!
//! It is the chain's own layout, because programs rely on it: growing an account writes its length
//! before its data, giving it away writes over the owner, and accounts named twice share memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use solana_account_info::{AccountInfo, MAX_PERMITTED_DATA_INCREASE};
use solana_instruction_error::InstructionError;
use solana_program_entrypoint::NON_DUP_MARKER;
use solana_program_error::ProgramResult;
use solana_pubkey::Pubkey;

use crate::Account;
use crate::privilege::LONGEST_DATA;
use crate::transaction::{Frame, Transaction};

/// A program: what its `entrypoint!` names.
pub type Entry = for<'info> fn(&'info Pubkey, &'info [AccountInfo<'info>], &'info [u8]) -> ProgramResult;

/// Marker, three flags, original length, key, owner, lamports, length.
const HEADER: usize = 8 + 32 + 32 + 8 + 8;
const KEY_AT: usize = 8;
const OWNER_AT: usize = KEY_AT + 32;
const LAMPORTS_AT: usize = OWNER_AT + 32;
const LENGTH_AT: usize = LAMPORTS_AT + 8;

thread_local! {
    /// An instruction's memory is some hundred kilobytes; fetching it from the system each time would
    /// cost more than most instructions.
    static SPARE: RefCell<Vec<Vec<u64>>> = const { RefCell::new(Vec::new()) };
}

pub struct Memory {
    /// Words, so that numbers lie aligned as programs expect.
    words: Vec<u64>,
    /// Where each account that is not a repetition begins, in bytes, and how long its data was.
    places: Vec<Place>,
}

struct Place {
    key: Pubkey,
    writable: bool,
    at: usize,
    length: usize,
}

impl Memory {
    /// Serialises accounts and data as the loader does.
    pub fn lay_out(frame: &Frame, accounts: &BTreeMap<Pubkey, Account>, data: &[u8]) -> Self {
        let missing = Account::default();
        let state = |key| accounts.get(key).unwrap_or(&missing);
        let reserved = |length: usize| (HEADER + length + MAX_PERMITTED_DATA_INCREASE).next_multiple_of(8) + 8;
        let upper = frame.accounts.iter().map(|account| reserved(state(&account.key).data.len())).sum::<usize>();
        let size = 8 + upper + 8 + data.len() + 32;
        let mut words = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        words.resize(words.len().max(size.div_ceil(8)), 0);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
        let mut at = 0;
        let mut put = |at: &mut usize, part: &[u8]| {
            bytes[*at..*at + part.len()].copy_from_slice(part);
            *at += part.len();
        };
        put(&mut at, &(frame.accounts.len() as u64).to_le_bytes());
        let mut places = Vec::<(usize, Place)>::with_capacity(frame.accounts.len());
        for (index, account) in frame.accounts.iter().enumerate() {
            if let Some((first, _)) = places.iter().find(|(_, place)| place.key == account.key) {
                put(&mut at, &(*first as u64).to_le_bytes());
                continue;
            }
            let Account { lamports, data, owner, executable } = state(&account.key);
            let place = Place { key: account.key, writable: account.privilege.writable, at, length: data.len() };
            let flags = [account.privilege.signer, account.privilege.writable, *executable].map(u8::from);
            put(&mut at, &[NON_DUP_MARKER]);
            put(&mut at, &flags);
            put(&mut at, &[0; 4]);
            put(&mut at, account.key.as_ref());
            put(&mut at, owner.as_ref());
            put(&mut at, &lamports.to_le_bytes());
            put(&mut at, &(data.len() as u64).to_le_bytes());
            put(&mut at, data);
            at = place.at + reserved(data.len());
            places.push((index, place));
        }
        put(&mut at, &(data.len() as u64).to_le_bytes());
        put(&mut at, data);
        put(&mut at, frame.program.as_ref());
        Self { words, places: places.into_iter().map(|(_, place)| place).collect() }
    }

    /// Calls the program. A panic is what an abort is on chain.
    ///
    /// # Errors
    /// The program's own.
    #[allow(unsafe_code, reason = "accounts are views into one block of memory, as on chain")]
    pub fn call(&mut self, entry: Entry) -> Result<(), InstructionError> {
        let start = self.words.as_mut_ptr().cast();
        let run = || {
            // SAFETY: `lay_out` wrote exactly what `deserialize` reads, in words, so that everything is
            // aligned, with room for accounts to grow; nothing else looks at it until the call is over.
            let (program, accounts, data) = unsafe { solana_program_entrypoint::deserialize(start) };
            entry(program, &accounts, data)
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(result) => result.map_err(|error| InstructionError::from(u64::from(error))),
            Err(_) => Err(InstructionError::ProgramFailedToComplete),
        }
    }

    /// Takes over what the program left behind.
    ///
    /// # Errors
    /// What it may not have changed.
    pub fn leave(&self, transaction: &mut Transaction) -> Result<(), InstructionError> {
        let bytes: &[u8] = bytemuck::cast_slice(&self.words);
        let number = |at: usize| bytes[at..at + 8].try_into().map(u64::from_le_bytes).unwrap_or_default();
        for Place { key, writable, at, length } in &self.places {
            let left = number(at + LENGTH_AT) as usize;
            if left.saturating_sub(*length) > MAX_PERMITTED_DATA_INCREASE || left > LONGEST_DATA {
                return Err(InstructionError::InvalidRealloc);
            }
            let data = &bytes[at + HEADER..at + HEADER + left];
            let owner = Pubkey::try_from(&bytes[at + OWNER_AT..at + LAMPORTS_AT]).unwrap_or_default();
            transaction.hold(key, *writable)?.update(number(at + LAMPORTS_AT), data, &owner)?;
        }
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        SPARE.with_borrow_mut(|spare| spare.push(std::mem::take(&mut self.words)));
    }
}
