//! What a program may not do, done by programs made for it. What an honest program meets is held
//! against LiteSVM by every test of the testkit.

use millrace_nativechain::{Account, Chain, Refusal};
use solana_account_info::{AccountInfo, MAX_PERMITTED_DATA_INCREASE};
use solana_instruction::{AccountMeta, Instruction};
use solana_instruction_error::InstructionError;
use solana_program_error::{ProgramError, ProgramResult};
use solana_pubkey::Pubkey;
use solana_sdk_ids::{system_program, sysvar};
use solana_system_interface::instruction as system;
use solana_sysvar::program_stubs::sol_invoke_signed;
use solana_sysvar::{Sysvar, clock::Clock};

const PROGRAM: Pubkey = Pubkey::new_from_array([7; 32]);
const OWN: Pubkey = Pubkey::new_from_array([1; 32]);
const OTHERS: Pubkey = Pubkey::new_from_array([2; 32]);
const WALLET: Pubkey = Pubkey::new_from_array([3; 32]);

/// Does what its first byte says to its first accounts.
fn program<'info>(_: &'info Pubkey, accounts: &'info [AccountInfo<'info>], data: &'info [u8]) -> ProgramResult {
    let [first, second, ..] = accounts else { return Err(ProgramError::NotEnoughAccountKeys) };
    match data[0] {
        0 => **first.lamports.borrow_mut() -= 1,
        1 => **first.lamports.borrow_mut() += 1,
        2 => {
            **first.lamports.borrow_mut() -= 1;
            **second.lamports.borrow_mut() += 1;
        }
        3 => first.data.borrow_mut()[0] ^= 1,
        4 => first.assign(&OTHERS),
        5 => first.resize(first.data_len() + 1)?,
        6 => first.resize(first.data_len() + MAX_PERMITTED_DATA_INCREASE + 1)?,
        7 => panic!("the program breaks off"),
        8 => sol_invoke_signed(&system::transfer(first.key, second.key, 1), accounts, &[])?,
        // The refusal of a call cannot be caught: on chain nobody comes back from it.
        9 => drop(sol_invoke_signed(&system::transfer(first.key, second.key, u64::MAX), accounts, &[])),
        10 => {
            **first.lamports.borrow_mut() -= 1;
            sol_invoke_signed(&system::transfer(second.key, first.key, 1), accounts, &[])?;
        }
        11 => {
            // One memory, although named twice.
            second.data.borrow_mut()[0] = 9;
            assert_eq!(first.data.borrow()[0], 9);
        }
        12 => assert_eq!(Clock::get()?.unix_timestamp, 77),
        13 => sol_invoke_signed(&Instruction { program_id: PROGRAM, accounts: vec![], data: vec![3] }, accounts, &[])?,
        14 => {
            let (seeds, bump) = (b"vault", data[1]);
            sol_invoke_signed(&system::transfer(first.key, second.key, 1), accounts, &[&[seeds, &[bump]]])?;
            assert_eq!(second.lamports(), 1_000_000_001, "the caller sees what the callee did");
        }
        _ => return Err(ProgramError::Custom(data[0].into())),
    }
    Ok(())
}

fn chain() -> Chain {
    let mut chain = Chain::new();
    chain.deploy(PROGRAM, program);
    for (address, owner) in [(OWN, PROGRAM), (OTHERS, system_program::ID), (WALLET, system_program::ID)] {
        let data = if owner == PROGRAM { vec![0; 8] } else { Vec::new() };
        chain.accounts.insert(address, Account { lamports: 1_000_000_000, data, owner, executable: false });
    }
    chain
}

fn call(data: &[u8], accounts: &[AccountMeta]) -> Result<(), Refusal> {
    let mut chain = chain();
    let before = chain.accounts.clone();
    let mut accounts = accounts.to_vec();
    accounts.extend([system_program::ID, PROGRAM].map(|key| AccountMeta::new_readonly(key, false)));
    let result = chain.execute(&[Instruction { program_id: PROGRAM, accounts, data: data.to_vec() }]);
    assert!(result.is_ok() || chain.accounts == before, "a refused transaction changed something");
    result.map(drop)
}

fn writable(key: Pubkey) -> AccountMeta {
    AccountMeta::new(key, false)
}

fn read_only(key: Pubkey) -> AccountMeta {
    AccountMeta::new_readonly(key, false)
}

fn refused(error: InstructionError) -> Result<(), Refusal> {
    Err(Refusal::Instruction(0, error))
}

#[test]
fn lamports_are_taken_only_by_the_owner_and_never_made_or_lost() {
    assert_eq!(call(&[2], &[writable(OWN), writable(OTHERS)]), Ok(()));
    assert_eq!(call(&[2], &[writable(OTHERS), writable(OWN)]), refused(InstructionError::ExternalAccountLamportSpend));
    assert_eq!(call(&[0], &[writable(OWN), writable(OTHERS)]), refused(InstructionError::UnbalancedInstruction));
    assert_eq!(call(&[1], &[writable(OTHERS), writable(OWN)]), refused(InstructionError::UnbalancedInstruction));
}

#[test]
fn what_is_read_only_stays_as_it_is() {
    assert_eq!(call(&[3], &[read_only(OWN), writable(OTHERS)]), refused(InstructionError::ReadonlyDataModified));
    assert_eq!(call(&[2], &[read_only(OWN), writable(OTHERS)]), refused(InstructionError::ReadonlyLamportChange));
    assert_eq!(call(&[2], &[writable(OWN), read_only(OTHERS)]), refused(InstructionError::ReadonlyLamportChange));
    assert_eq!(call(&[4], &[read_only(OWN), writable(OTHERS)]), refused(InstructionError::ModifiedProgramId));
}

#[test]
fn data_is_written_and_resized_only_by_the_owner() {
    assert_eq!(call(&[3], &[writable(OWN), writable(OTHERS)]), Ok(()));
    assert_eq!(call(&[5], &[writable(OWN), writable(OTHERS)]), Ok(()));
    assert_eq!(call(&[5], &[writable(OTHERS), writable(OWN)]), refused(InstructionError::ExternalAccountDataModified));
    assert_eq!(call(&[6], &[writable(OWN), writable(OTHERS)]), refused(InstructionError::InvalidRealloc));
}

#[test]
fn an_account_is_given_away_only_by_its_owner() {
    assert_eq!(call(&[4], &[writable(OWN), writable(OTHERS)]), Ok(()));
    assert_eq!(call(&[4], &[writable(OTHERS), writable(OWN)]), refused(InstructionError::ModifiedProgramId));
}

#[test]
fn a_panic_is_a_refusal() {
    assert_eq!(call(&[7], &[writable(OWN), writable(OTHERS)]), refused(InstructionError::ProgramFailedToComplete));
    assert_eq!(call(&[99], &[writable(OWN), writable(OTHERS)]), refused(InstructionError::Custom(99)));
}

#[test]
fn a_call_takes_along_no_privilege_that_its_caller_has_not() {
    let signed = AccountMeta::new(WALLET, true);
    assert_eq!(call(&[8], &[signed.clone(), writable(OTHERS)]), Ok(()));
    assert_eq!(call(&[8], &[writable(WALLET), writable(OTHERS)]), refused(InstructionError::PrivilegeEscalation));
    assert_eq!(call(&[8], &[signed, read_only(OTHERS)]), refused(InstructionError::PrivilegeEscalation));
}

#[test]
fn a_refused_call_ends_the_transaction() {
    assert_eq!(call(&[9], &[AccountMeta::new(WALLET, true), writable(OTHERS)]), refused(InstructionError::Custom(1)));
}

#[test]
fn a_caller_whose_books_do_not_balance_calls_nobody() {
    let accounts = [writable(OWN), AccountMeta::new(WALLET, true)];
    assert_eq!(call(&[10], &accounts), refused(InstructionError::UnbalancedInstruction));
}

#[test]
fn an_account_named_twice_has_one_memory() {
    assert_eq!(call(&[11], &[writable(OWN), writable(OWN)]), Ok(()));
}

#[test]
fn a_call_names_only_accounts_its_caller_has() {
    let mut chain = chain();
    let accounts = vec![writable(OWN), writable(OTHERS)];
    let result = chain.execute(&[Instruction { program_id: PROGRAM, accounts, data: vec![13] }]);
    assert_eq!(result.map(drop), refused(InstructionError::MissingAccount));
}

#[test]
fn a_program_signs_for_the_addresses_of_its_seeds() {
    let (vault, bump) = Pubkey::find_program_address(&[b"vault"], &PROGRAM);
    let mut chain = chain();
    let lamports = 1_000_000_000;
    chain.accounts.insert(vault, Account { lamports, ..Account::default() });
    let mut send = |data: Vec<u8>| {
        let accounts = vec![writable(vault), writable(OTHERS), read_only(system_program::ID)];
        chain.execute(&[Instruction { program_id: PROGRAM, accounts, data }]).map(drop)
    };
    assert_eq!(send(vec![14, bump]), Ok(()));
    assert!(matches!(send(vec![14, bump - 1]), Err(Refusal::Instruction(0, _))));
    assert_eq!(send(vec![8]), refused(InstructionError::PrivilegeEscalation));
}

#[test]
fn the_clock_is_the_chains() {
    let mut chain = chain();
    chain.clock.unix_timestamp = 77;
    let accounts = vec![writable(OWN), read_only(sysvar::clock::ID)];
    assert_eq!(chain.execute(&[Instruction { program_id: PROGRAM, accounts, data: vec![12] }]).map(drop), Ok(()));
}

#[test]
fn nobody_is_left_short_of_rent() {
    let mut chain = chain();
    let new = Pubkey::new_from_array([9; 32]);
    let short = chain.rent.minimum_balance(0) - 1;
    assert_eq!(chain.execute(&[system::transfer(&WALLET, &new, short)]), Err(Refusal::Rent(new)));
    assert!(chain.execute(&[system::transfer(&WALLET, &new, short + 1)]).is_ok());
    let all = chain.accounts[&WALLET].lamports;
    assert!(chain.execute(&[system::transfer(&WALLET, &new, all)]).is_ok());
    assert!(!chain.accounts.contains_key(&WALLET), "an account without lamports is gone");
}

#[test]
fn a_later_refusal_takes_back_what_came_before() {
    let mut chain = chain();
    let before = chain.accounts.clone();
    let good = system::transfer(&WALLET, &OTHERS, 1);
    let bad = system::transfer(&WALLET, &OTHERS, u64::MAX);
    assert_eq!(chain.execute(&[good, bad]).map(drop), Err(Refusal::Instruction(1, InstructionError::Custom(1))));
    assert_eq!(chain.accounts, before);
}
