//! Every address of the program, derived from the seeds in [`millrace_protocol::seeds`].

use anchor_lang::prelude::Pubkey;
use millrace_protocol::{Address, seeds};

/// The address as Solana's own crates type it.
pub fn pubkey(address: Address) -> Pubkey {
    Pubkey::new_from_array(address.0)
}

/// The address without a Solana type.
pub fn address(pubkey: Pubkey) -> Address {
    Address(pubkey.to_bytes())
}

/// Where the program lives.
pub fn program() -> Address {
    address(millrace::ID)
}

/// The network's one `Config` account.
pub fn config() -> Address {
    address(millrace::constants::CONFIG.0)
}

/// The `Provider` account of an owner.
pub fn provider(owner: Address) -> Address {
    find_provider(owner).0
}

/// The token account that holds a provider's stake.
pub fn stake_vault(provider: Address) -> Address {
    find_stake_vault(provider).0
}

/// The token account that holds a provider's earnings and the fees on them.
pub fn earnings_vault(provider: Address) -> Address {
    find_earnings_vault(provider).0
}

/// A provider's `Node` account; nodes count from 0.
pub fn node(provider: Address, index: u32) -> Address {
    find_node(provider, index).0
}

/// A buyer's `Job` account. The buyer chooses the id, so opening a job twice is one job.
pub fn job(buyer: Address, id: u64) -> Address {
    find_job(buyer, id).0
}

/// The token account that holds a job's money.
pub fn job_vault(job: Address) -> Address {
    find_job_vault(job).0
}

/// A job's `Lease` account; leases count from 0. The slot is the one the job was opened in, so that
/// a later job under the same id has other leases.
pub fn lease(job: Address, opened_slot: u64, number: u32) -> Address {
    find_lease(job, opened_slot, number).0
}

/// The `Buyer` account of an owner's prepaid balance.
pub fn buyer(owner: Address) -> Address {
    find_buyer(owner).0
}

/// The token account that holds a prepaid balance.
pub fn buyer_vault(buyer: Address) -> Address {
    find_buyer_vault(buyer).0
}

/// What a delegate may spend of a `Buyer` account.
pub fn allowance(buyer: Address, delegate: Address) -> Address {
    find_allowance(buyer, delegate).0
}

/// The dispute about a lease.
pub fn dispute(lease: Address) -> Address {
    find_dispute(lease).0
}

/// A round of a job whose results are counted; rounds count from 0.
pub fn quorum(job: Address, opened_slot: u64, round: u32) -> Address {
    find_quorum(job, opened_slot, round).0
}

// Each with its bump, for the instruction that creates the account.

pub(crate) fn find_provider(owner: Address) -> (Address, u8) {
    find(&[seeds::PROVIDER, &owner.0])
}

pub(crate) fn find_stake_vault(provider: Address) -> (Address, u8) {
    find(&[seeds::STAKE_VAULT, &provider.0])
}

pub(crate) fn find_earnings_vault(provider: Address) -> (Address, u8) {
    find(&[seeds::EARNINGS_VAULT, &provider.0])
}

pub(crate) fn find_node(provider: Address, index: u32) -> (Address, u8) {
    find(&[seeds::NODE, &provider.0, &index.to_le_bytes()])
}

pub(crate) fn find_job(buyer: Address, id: u64) -> (Address, u8) {
    find(&[seeds::JOB, &buyer.0, &id.to_le_bytes()])
}

pub(crate) fn find_job_vault(job: Address) -> (Address, u8) {
    find(&[seeds::JOB_VAULT, &job.0])
}

pub(crate) fn find_lease(job: Address, opened_slot: u64, number: u32) -> (Address, u8) {
    find(&[seeds::LEASE, &job.0, &opened_slot.to_le_bytes(), &number.to_le_bytes()])
}

pub(crate) fn find_buyer(owner: Address) -> (Address, u8) {
    find(&[seeds::BUYER, &owner.0])
}

pub(crate) fn find_buyer_vault(buyer: Address) -> (Address, u8) {
    find(&[seeds::BUYER_VAULT, &buyer.0])
}

pub(crate) fn find_allowance(buyer: Address, delegate: Address) -> (Address, u8) {
    find(&[seeds::ALLOWANCE, &buyer.0, &delegate.0])
}

pub(crate) fn find_dispute(lease: Address) -> (Address, u8) {
    find(&[seeds::DISPUTE, &lease.0])
}

pub(crate) fn find_quorum(job: Address, opened_slot: u64, round: u32) -> (Address, u8) {
    find(&[seeds::QUORUM, &job.0, &opened_slot.to_le_bytes(), &round.to_le_bytes()])
}

/// The signer of the program's own event calls.
pub fn event_authority() -> Address {
    address(millrace::EVENT_AUTHORITY_AND_BUMP.0)
}

/// The loader's record of who may upgrade the program.
pub fn program_data() -> Address {
    let loader = anchor_lang::solana_program::bpf_loader_upgradeable::ID;
    address(Pubkey::find_program_address(&[millrace::ID.as_ref()], &loader).0)
}

/// An owner's associated token account for a mint of the SPL Token program.
pub fn token_account(owner: Address, mint: Address) -> Address {
    let seeds: &[&[u8]] = &[&owner.0, anchor_spl::token::ID.as_ref(), &mint.0];
    address(Pubkey::find_program_address(seeds, &anchor_spl::associated_token::ID).0)
}

fn find(seeds: &[&[u8]]) -> (Address, u8) {
    let (found, bump) = Pubkey::find_program_address(seeds, &millrace::ID);
    (address(found), bump)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_the_protocols() {
        assert_eq!(program().to_string(), millrace_protocol::PROGRAM_ID);
    }

    #[test]
    fn addresses_differ_by_kind_parent_and_number() {
        let (a, b) = (Address([1; 32]), Address([2; 32]));
        let all = [
            config(),
            provider(a),
            provider(b),
            stake_vault(a),
            earnings_vault(a),
            node(a, 0),
            node(a, 1),
            node(b, 0),
            job(a, 0),
            job(a, 1),
            job_vault(a),
            lease(a, 7, 0),
            lease(a, 7, 1),
            lease(a, 8, 0),
            lease(b, 7, 0),
            buyer(a),
            buyer_vault(a),
            allowance(a, b),
            allowance(b, a),
            dispute(a),
            quorum(a, 7, 0),
            quorum(a, 7, 1),
            quorum(a, 8, 0),
            event_authority(),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn token_accounts_are_those_of_the_token_crates() {
        let (owner, mint) = (Address([3; 32]), Address([4; 32]));
        let expected = anchor_spl::associated_token::get_associated_token_address(&pubkey(owner), &pubkey(mint));
        assert_eq!(pubkey(token_account(owner, mint)), expected);
    }
}
