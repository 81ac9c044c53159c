//! What a transaction as a whole says about the accounts it names.

use std::collections::BTreeMap;

use solana_instruction::{BorrowedAccountMeta, BorrowedInstruction, Instruction};
use solana_pubkey::Pubkey;
use solana_sdk_ids::{
    address_lookup_table, bpf_loader, bpf_loader_deprecated, bpf_loader_upgradeable, compute_budget, config,
    ed25519_program, feature, loader_v4, native_loader, secp256k1_program, stake, system_program, sysvar, vote,
};

/// Accounts that no transaction may write, whatever it says: programs of the chain, and sysvars.
const RESERVED: [Pubkey; 25] = [
    address_lookup_table::ID,
    bpf_loader::ID,
    bpf_loader_deprecated::ID,
    bpf_loader_upgradeable::ID,
    compute_budget::ID,
    config::ID,
    ed25519_program::ID,
    feature::ID,
    loader_v4::ID,
    native_loader::ID,
    secp256k1_program::ID,
    stake::config::ID,
    stake::ID,
    system_program::ID,
    vote::ID,
    sysvar::ID,
    sysvar::clock::ID,
    sysvar::epoch_rewards::ID,
    sysvar::epoch_schedule::ID,
    sysvar::instructions::ID,
    sysvar::last_restart_slot::ID,
    sysvar::recent_blockhashes::ID,
    sysvar::rent::ID,
    sysvar::slot_hashes::ID,
    sysvar::stake_history::ID,
];

/// What an instruction may do with an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privilege {
    pub signer: bool,
    pub writable: bool,
}

/// Privileges belong to a transaction, not to its instructions: who signed once has signed for all.
pub fn privileges(instructions: &[Instruction]) -> BTreeMap<Pubkey, Privilege> {
    let mut all = BTreeMap::<Pubkey, Privilege>::new();
    for meta in instructions.iter().flat_map(|one| &one.accounts) {
        let privilege = all.entry(meta.pubkey).or_default();
        privilege.signer |= meta.is_signer;
        privilege.writable |= meta.is_writable;
    }
    let upgradeable_loader = all.contains_key(&bpf_loader_upgradeable::ID);
    for program in instructions.iter().map(|one| one.program_id) {
        let privilege = all.entry(program).or_default();
        privilege.writable &= upgradeable_loader;
    }
    for (key, privilege) in &mut all {
        privilege.writable &= !RESERVED.contains(key);
    }
    all
}

/// Data of the sysvar by which a program sees the other instructions of its transaction.
pub fn instructions_sysvar(instructions: &[Instruction], privileges: &BTreeMap<Pubkey, Privilege>) -> Vec<u8> {
    let borrowed: Vec<_> = instructions.iter().map(|one| borrow(one, privileges)).collect();
    solana_instructions_sysvar::construct_instructions_data(&borrowed)
}

fn borrow<'a>(instruction: &'a Instruction, privileges: &BTreeMap<Pubkey, Privilege>) -> BorrowedInstruction<'a> {
    let accounts = instruction.accounts.iter().map(|meta| {
        let Privilege { signer, writable } = privileges[&meta.pubkey];
        BorrowedAccountMeta { pubkey: &meta.pubkey, is_signer: signer, is_writable: writable }
    });
    BorrowedInstruction { program_id: &instruction.program_id, accounts: accounts.collect(), data: &instruction.data }
}
