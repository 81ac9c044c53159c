use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;
use millrace_protocol::transitions::LeaseOffer;

use super::{build, event_accounts, system_program};
use crate::accounts::{JobAccount, NodeAccount};
use crate::address::{self, pubkey};

/// Leases a node to a job. Signers: `authority`, `rent_payer`, and the node's key. The authority is the
/// network's scheduler or, in a direct award, the job's buyer; it may pay the rent itself. Two leases wait
/// for each other on the chain where one wallet pays for both. `bid_book_root` is that of the auction that
/// the price is a bid in, or zeros.
/// The lease will be at [`JobAccount::next_lease`]; where another lease of the job was opened in
/// between, the refusal [is outdated](crate::Refusal::is_outdated).
pub fn open_lease(
    authority: Address,
    rent_payer: Address,
    job: &JobAccount,
    node: &NodeAccount,
    offer: LeaseOffer,
    bid_book_root: [u8; 32],
) -> Vec<Instruction> {
    let (lease, lease_bump) = address::find_lease(job.address, job.opened_slot, job.job.leases_opened);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::OpenLease {
        config: pubkey(address::config()),
        authority: pubkey(authority),
        rent_payer: pubkey(rent_payer),
        node_key: pubkey(node.node_key),
        job: pubkey(job.address),
        node: pubkey(node.address),
        provider: pubkey(node.provider),
        lease: pubkey(lease),
        quorum: job.open_quorum().map(pubkey),
        system_program: system_program(),
        event_authority,
        program,
    };
    let args =
        millrace::OpenLeaseArgs { price: offer.price.0, maximum_seconds: offer.maximum.0, bid_book_root, lease_bump };
    vec![build(accounts, millrace::instruction::OpenLease { args })]
}
