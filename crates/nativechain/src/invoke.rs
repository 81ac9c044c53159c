//! One program calls another.

use solana_account_info::AccountInfo;
use solana_instruction::{AccountMeta, Instruction};
use solana_instruction_error::InstructionError;
use solana_pubkey::{MAX_SEEDS, Pubkey};
use solana_sdk_ids::{bpf_loader, bpf_loader_deprecated, bpf_loader_upgradeable, ed25519_program, native_loader};

use crate::message::Privilege;
use crate::transaction::{self, Frame, InstructionAccount, current};

/// Most addresses of its own a program can sign with in one call.
const MOST_SIGNERS: usize = 16;
/// Called by transactions only.
const NOT_FOR_PROGRAMS: [Pubkey; 5] =
    [bpf_loader::ID, bpf_loader_deprecated::ID, bpf_loader_upgradeable::ID, ed25519_program::ID, native_loader::ID];

/// The call, with the caller's view of its accounts written through before and after.
///
/// # Errors
/// The callee's, a privilege that the caller does not have, or an account that it does not have.
pub fn invoke(instruction: &Instruction, infos: &[AccountInfo], seeds: &[&[&[u8]]]) -> Result<(), InstructionError> {
    let caller = current(|transaction| match &transaction.failed {
        Some(error) => Err(error.clone()),
        None => Ok(transaction.frame()?.program),
    })?;
    let signers = signers(&caller, seeds)?;
    if NOT_FOR_PROGRAMS.contains(&instruction.program_id) {
        return Err(InstructionError::ProgramFailedToComplete);
    }
    let accounts = current(|transaction| resolve(transaction.frame()?, instruction, &signers))?;
    let mut views = Vec::<(&AccountInfo, bool)>::with_capacity(accounts.len());
    for account in &accounts {
        let executable =
            current(|transaction| transaction.accounts.get(&account.key).is_some_and(|known| known.executable));
        if executable || views.iter().any(|(view, _)| *view.key == account.key) {
            continue;
        }
        let view = infos.iter().find(|info| *info.key == account.key).ok_or(InstructionError::MissingAccount)?;
        write_through(view)?;
        views.push((view, account.privilege.writable));
    }
    current(|transaction| transaction.inner.push(instruction.clone()));
    transaction::process(Frame { program: instruction.program_id, accounts }, &instruction.data)?;
    views.into_iter().filter(|(_, writable)| *writable).try_for_each(|(view, _)| read_back(view))
}

fn signers(program: &Pubkey, seeds: &[&[&[u8]]]) -> Result<Vec<Pubkey>, InstructionError> {
    if seeds.len() > MOST_SIGNERS {
        return Err(InstructionError::ProgramFailedToComplete);
    }
    let address = |seeds: &&[&[u8]]| {
        if seeds.len() > MAX_SEEDS {
            return Err(InstructionError::MaxSeedLengthExceeded);
        }
        Pubkey::create_program_address(seeds, program).map_err(|_| InstructionError::ProgramFailedToComplete)
    };
    seeds.iter().map(address).collect()
}

/// The callee's accounts. A key named twice has in each place what it has in any.
fn resolve(
    caller: &Frame,
    instruction: &Instruction,
    signers: &[Pubkey],
) -> Result<Vec<InstructionAccount>, InstructionError> {
    let mut accounts = Vec::with_capacity(instruction.accounts.len());
    for AccountMeta { pubkey, .. } in &instruction.accounts {
        let same = || instruction.accounts.iter().filter(|meta| meta.pubkey == *pubkey);
        let privilege =
            Privilege { signer: same().any(|meta| meta.is_signer), writable: same().any(|meta| meta.is_writable) };
        let held = caller.privilege(pubkey).ok_or(InstructionError::MissingAccount)?;
        let signs = held.signer || signers.contains(pubkey);
        if (privilege.writable && !held.writable) || (privilege.signer && !signs) {
            return Err(InstructionError::PrivilegeEscalation);
        }
        accounts.push(InstructionAccount { key: *pubkey, privilege });
    }
    caller.privilege(&instruction.program_id).ok_or(InstructionError::MissingAccount)?;
    Ok(accounts)
}

/// What the caller did so far to an account becomes the transaction's, under the caller's privileges.
fn write_through(view: &AccountInfo) -> Result<(), InstructionError> {
    let (lamports, data) = borrowed(view.try_borrow_lamports().and_then(|l| Ok((l, view.try_borrow_data()?))))?;
    current(|transaction| {
        let privilege = transaction.frame()?.privilege(view.key).ok_or(InstructionError::MissingAccount)?;
        transaction.hold(view.key, privilege.writable)?.update(**lamports, &data, view.owner)
    })
}

/// What the callee did to an account shows in the caller's view of it.
fn read_back(view: &AccountInfo) -> Result<(), InstructionError> {
    let account = current(|transaction| transaction.accounts.get(view.key).cloned());
    let account = account.ok_or(InstructionError::MissingAccount)?;
    **borrowed(view.try_borrow_mut_lamports())? = account.lamports;
    view.assign(&account.owner);
    view.resize(account.data.len()).map_err(|_| InstructionError::InvalidRealloc)?;
    borrowed(view.try_borrow_mut_data())?.copy_from_slice(&account.data);
    Ok(())
}

fn borrowed<T>(result: Result<T, solana_program_error::ProgramError>) -> Result<T, InstructionError> {
    result.map_err(|_| InstructionError::AccountBorrowFailed)
}
