//! More time for a lease that the rig holds. What it is worth to the rig is not looked at here: only that the
//! transaction says that and nothing else.

use anchor_lang::{AnchorDeserialize, Discriminator, ToAccountMetas};
use millrace_protocol::{Address, Seconds};
use solana_keypair::Keypair;
use solana_message::compiled_instruction::CompiledInstruction;
use solana_message::legacy::Message;

use super::{CosignError, accounts, check_exposure, check_node, of_market, sign};
use crate::address::{self, address as plain, pubkey};
use crate::keys::address_of;
use crate::sender::decode;

/// What a proposed transaction says, once it is known to say nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProposedExtension {
    pub job: Address,
    pub lease: Address,
    pub authority: Address,
    /// Beyond the seconds that the lease has when the transaction lands.
    pub more: Seconds,
}

/// An extension that the rig agrees to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignedExtension {
    pub extension: ProposedExtension,
    /// The node key's signature over the transaction's message.
    pub signature: [u8; 64],
    /// The transaction with that signature in place.
    pub transaction: Vec<u8>,
}

/// Reads what is proposed for a lease of `node`, whose key is `node_key`.
///
/// # Errors
/// [`CosignError`] for whatever a rig must not sign.
pub fn inspect(transaction: &[u8], node: Address, node_key: Address) -> Result<ProposedExtension, CosignError> {
    let message = decode(transaction).ok_or(CosignError::Malformed)?.message;
    let extensions = of_market(&message)?;
    let [instruction] = extensions[..] else { return Err(CosignError::NotOneLease(extensions.len())) };
    let proposed = read(&message, instruction, node, node_key)?;
    check_exposure(&message, pubkey(node_key))?;
    Ok(proposed)
}

/// Inspects what is proposed and adds the node key's signature.
///
/// # Errors
/// Those of [`inspect`].
pub fn cosign(transaction: &[u8], node: Address, key: &Keypair) -> Result<CosignedExtension, CosignError> {
    let extension = inspect(transaction, node, address_of(key))?;
    let (signature, transaction) = sign(transaction, key)?;
    Ok(CosignedExtension { extension, signature, transaction })
}

fn read(
    message: &Message,
    instruction: &CompiledInstruction,
    node: Address,
    node_key: Address,
) -> Result<ProposedExtension, CosignError> {
    let data = instruction.data.strip_prefix(millrace::instruction::ExtendLease::DISCRIMINATOR);
    let mut data = data.ok_or(CosignError::NotAnExtension)?;
    let args = millrace::ExtendLeaseArgs::deserialize(&mut data).map_err(|_| CosignError::NotAnExtension)?;
    let keys = accounts(message, instruction)?;
    let [_, authority, signer, job, lease, leased, ..] = keys[..] else {
        return Err(CosignError::AccountsMismatch);
    };
    check_node((leased, signer), node, node_key)?;
    let expected = millrace::accounts::ExtendLease {
        config: pubkey(address::config()),
        authority,
        node_key: signer,
        job,
        lease,
        node: leased,
        event_authority: pubkey(address::event_authority()),
        program: millrace::ID,
    };
    let expected = expected.to_account_metas(None).into_iter().map(|meta| meta.pubkey);
    if !data.is_empty() || !expected.eq(keys.iter().copied()) {
        return Err(CosignError::AccountsMismatch);
    }
    let more = Seconds(args.more_seconds);
    Ok(ProposedExtension { job: plain(job), lease: plain(lease), authority: plain(authority), more })
}

#[cfg(test)]
mod tests;
