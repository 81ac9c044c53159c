//! One event per instruction, emitted by a call of the program to itself, so that an indexer finds
//! it in the transaction and needs no logs. Amounts are micro-USDC, times Unix seconds; `before`
//! and `after` are the token balances around the move.

mod admin;
mod buyer;
mod crank;
mod node;
mod provider;
mod scheduler;

use anchor_lang::event::EVENT_IX_TAG_LE;
use anchor_lang::prelude::*;
use anchor_lang::solana_program::instruction::Instruction;
use anchor_lang::solana_program::program::invoke_signed;

pub use admin::NetworkInitialized;
pub use buyer::{DisputeOpened, JobCancelled, JobOpened};
pub use crank::{
    JobClosed, JobExpired, LeaseSettled, QuorumClosed, QuorumOpened, QuorumTallied, SettledBy, VoucherSettled,
};
pub use node::{LeaseHeld, LeaseStartExtended, ResultCommitted, ResultRevealed};
pub use provider::{NodeAdded, ProviderRegistered, StakeAdded};
pub use scheduler::{LeaseExtended, LeaseOpened, NodeAttested, PreemptionNoticed};

/// Room for the longest event; a longer one would only be slower.
const CAPACITY: usize = 512;

/// Emits an event in the format of Anchor's `emit_cpi!`, which copies it byte by byte three times.
///
/// # Errors
/// The runtime's refusal, which no event of this program meets.
pub fn emit<E: AnchorSerialize + Discriminator>(authority: &AccountInfo, event: &E) -> Result<()> {
    let mut data = Vec::with_capacity(CAPACITY);
    data.extend_from_slice(EVENT_IX_TAG_LE);
    data.extend_from_slice(E::DISCRIMINATOR);
    event.serialize(&mut data)?;
    let accounts = vec![AccountMeta::new_readonly(*authority.key, true)];
    let call = Instruction { program_id: crate::ID, accounts, data };
    let signer: &[&[u8]] = &[b"__event_authority", &[crate::EVENT_AUTHORITY_AND_BUMP.1]];
    Ok(invoke_signed(&call, std::slice::from_ref(authority), &[signer])?)
}
