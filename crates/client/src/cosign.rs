//! A rig's half of a lease: look at what the scheduler proposes, and sign that and nothing else.
//!
//! The node key is hot and sits on a stranger's rig, so it signs exactly two kinds of transactions:
//! one `open_lease` of this program for this node, paid by somebody else, with nothing beside it
//! but compute budget and the opening of the round that the lease joins; and one `extend_lease`
//! ([`extension`]), with nothing beside it but compute budget.

pub mod extension;

use anchor_lang::prelude::Pubkey;
use anchor_lang::{AnchorDeserialize, Discriminator, ToAccountMetas};
use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::{Address, Diagnostic, PricePerGpuHour, Seconds};
use solana_keypair::{Keypair, Signer};
use solana_message::compiled_instruction::CompiledInstruction;
use solana_message::legacy::Message;
use thiserror::Error;

use crate::address::{self, address as plain, pubkey};
use crate::keys::address_of;
use crate::sender::{decode, encode};

/// Why a rig does not sign.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CosignError {
    #[error("these bytes are not a legacy transaction")]
    Malformed,
    #[error("the transaction also runs program {0}")]
    ForeignInstruction(Address),
    #[error("the transaction holds {0} instructions of the market where one is expected")]
    NotOneLease(usize),
    #[error("the transaction does not open a lease")]
    NotALease,
    #[error("the transaction does not give a lease more time")]
    NotAnExtension,
    #[error("the lease is for node {0}")]
    OtherNode(Address),
    #[error("the lease wants the signature of {0}")]
    OtherKey(Address),
    #[error("the lease's accounts are not those it needs")]
    AccountsMismatch,
    #[error("the transaction would let the node's key pay or be changed")]
    NodeExposed,
}

impl Diagnostic for CosignError {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "offer-malformed",
            Self::ForeignInstruction(_) => "offer-foreign-instruction",
            Self::NotOneLease(_) => "offer-not-one-lease",
            Self::NotALease => "offer-not-a-lease",
            Self::NotAnExtension => "offer-not-an-extension",
            Self::OtherNode(_) => "offer-other-node",
            Self::OtherKey(_) => "offer-other-key",
            Self::AccountsMismatch => "offer-accounts-mismatch",
            Self::NodeExposed => "offer-exposes-node",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::OtherNode(_) | Self::OtherKey(_) => "check which node this worker was set up for",
            _ => "do not use this orchestrator: report it to the network's operator",
        }
        .to_owned()
    }
}

/// What a proposed transaction says, once it is known to say nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferedLease {
    pub job: Address,
    pub lease: Address,
    pub node: Address,
    pub provider: Address,
    pub authority: Address,
    /// Price and length both sides agree on.
    pub offer: LeaseOffer,
}

/// An accepted offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    pub lease: OfferedLease,
    /// The node key's signature over the transaction's message.
    pub signature: [u8; 64],
    /// The transaction with that signature in place.
    pub transaction: Vec<u8>,
}

/// Reads an offer to `node`, whose key is `node_key`.
///
/// # Errors
/// [`CosignError`] for whatever a rig must not sign.
pub fn inspect(transaction: &[u8], node: Address, node_key: Address) -> Result<OfferedLease, CosignError> {
    let message = decode(transaction).ok_or(CosignError::Malformed)?.message;
    let (rounds, leases): (Vec<_>, Vec<_>) =
        of_market(&message)?.into_iter().partition(|instruction| opens_round(instruction));
    let [instruction] = leases[..] else { return Err(CosignError::NotOneLease(leases.len())) };
    let offered = read(&message, instruction, node, node_key)?;
    check_rounds(&message, &rounds, instruction)?;
    check_exposure(&message, pubkey(node_key))?;
    Ok(offered)
}

/// Inspects an offer and adds the node key's signature.
///
/// # Errors
/// Those of [`inspect`].
pub fn cosign(transaction: &[u8], node: Address, key: &Keypair) -> Result<Cosigned, CosignError> {
    let lease = inspect(transaction, node, address_of(key))?;
    let (signature, transaction) = sign(transaction, key)?;
    Ok(Cosigned { lease, signature, transaction })
}

/// The node key's signature over the transaction's message, and the transaction with it.
fn sign(transaction: &[u8], key: &Keypair) -> Result<([u8; 64], Vec<u8>), CosignError> {
    let message = decode(transaction).ok_or(CosignError::Malformed)?.message.serialize();
    let signature = <[u8; 64]>::from(key.sign_message(&message));
    let signed = attach(transaction, address_of(key), signature).ok_or(CosignError::Malformed)?;
    Ok((signature, signed))
}

/// Puts a signature into its place in a transaction. `None` for bytes that are no transaction or do
/// not ask for this signer.
pub fn attach(transaction: &[u8], signer: Address, signature: [u8; 64]) -> Option<Vec<u8>> {
    let mut transaction = decode(transaction)?;
    let place = transaction.message.signer_keys().into_iter().position(|key| *key == pubkey(signer))?;
    *transaction.signatures.get_mut(place)? = signature.into();
    Some(encode(&transaction))
}

fn read(
    message: &Message,
    instruction: &CompiledInstruction,
    node: Address,
    node_key: Address,
) -> Result<OfferedLease, CosignError> {
    let mut data =
        instruction.data.strip_prefix(millrace::instruction::OpenLease::DISCRIMINATOR).ok_or(CosignError::NotALease)?;
    let args = millrace::OpenLeaseArgs::deserialize(&mut data).map_err(|_| CosignError::NotALease)?;
    let keys = accounts(message, instruction)?;
    let [_, authority, rent_payer, signer, job, leased, provider, lease, quorum, ..] = keys[..] else {
        return Err(CosignError::AccountsMismatch);
    };
    check_node((leased, signer), node, node_key)?;
    let expected = millrace::accounts::OpenLease {
        config: pubkey(address::config()),
        authority,
        rent_payer,
        node_key: signer,
        job,
        node: leased,
        provider,
        lease,
        // An account that is left out is named by the program's own address.
        quorum: Some(quorum).filter(|quorum| *quorum != millrace::ID),
        system_program: solana_sdk_ids::system_program::ID,
        event_authority: pubkey(address::event_authority()),
        program: millrace::ID,
    };
    let expected = expected.to_account_metas(None).into_iter().map(|meta| meta.pubkey);
    if !data.is_empty() || !expected.eq(keys.iter().copied()) {
        return Err(CosignError::AccountsMismatch);
    }
    let offer = LeaseOffer {
        price: PricePerGpuHour(args.price),
        maximum: Seconds(args.maximum_seconds),
        negotiated: args.bid_book_root != [0; 32],
    };
    Ok(OfferedLease {
        job: plain(job),
        lease: plain(lease),
        node,
        provider: plain(provider),
        authority: plain(authority),
        offer,
    })
}

/// The instructions of this program; beside them there may be compute budget alone.
fn of_market(message: &Message) -> Result<Vec<&CompiledInstruction>, CosignError> {
    let mut of_market = Vec::new();
    for instruction in &message.instructions {
        match message.account_keys.get(usize::from(instruction.program_id_index)).copied() {
            Some(program) if program == millrace::ID => of_market.push(instruction),
            Some(program) if program == solana_sdk_ids::compute_budget::ID => {}
            Some(program) => return Err(CosignError::ForeignInstruction(plain(program))),
            None => return Err(CosignError::Malformed),
        }
    }
    Ok(of_market)
}

/// The accounts that an instruction names.
fn accounts(message: &Message, instruction: &CompiledInstruction) -> Result<Vec<Pubkey>, CosignError> {
    let keys = instruction.accounts.iter().map(|index| message.account_keys.get(usize::from(*index)).copied());
    keys.collect::<Option<_>>().ok_or(CosignError::Malformed)
}

/// Whether the node that is named, and the key that is to sign for it, are this rig's.
fn check_node((named, signer): (Pubkey, Pubkey), node: Address, node_key: Address) -> Result<(), CosignError> {
    if named != pubkey(node) {
        return Err(CosignError::OtherNode(plain(named)));
    }
    if signer != pubkey(node_key) {
        return Err(CosignError::OtherKey(plain(signer)));
    }
    Ok(())
}

fn opens_round(instruction: &CompiledInstruction) -> bool {
    instruction.data.starts_with(millrace::instruction::OpenQuorum::DISCRIMINATOR)
}

/// A round may be opened beside its first lease, of the same job, and is the one that the lease joins.
fn check_rounds(
    message: &Message,
    rounds: &[&CompiledInstruction],
    lease: &CompiledInstruction,
) -> Result<(), CosignError> {
    let account = |instruction: &CompiledInstruction, place: usize| {
        message.account_keys.get(usize::from(*instruction.accounts.get(place)?)).copied()
    };
    let ([] | [_]) = rounds else { return Err(CosignError::NotOneLease(rounds.len() + 1)) };
    // Of `open_quorum` the job is the third account and the round the fourth; of `open_lease`, the fifth and the ninth.
    let same = |round: &&CompiledInstruction| {
        account(round, 2) == account(lease, 4) && account(round, 3) == account(lease, 8) && account(round, 3).is_some()
    };
    if rounds.iter().all(same) { Ok(()) } else { Err(CosignError::AccountsMismatch) }
}

/// A key that is only a read-only signer can neither be charged nor changed by any program.
fn check_exposure(message: &Message, node_key: Pubkey) -> Result<(), CosignError> {
    let n_signers = usize::from(message.header.num_required_signatures);
    let n_writable = n_signers.saturating_sub(usize::from(message.header.num_readonly_signed_accounts));
    let place = message.account_keys.iter().position(|key| *key == node_key);
    match place {
        Some(place) if place >= n_writable && place < n_signers => Ok(()),
        _ => Err(CosignError::NodeExposed),
    }
}

#[cfg(test)]
mod tests;
