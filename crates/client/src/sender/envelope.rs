//! The wire format around a message: its signatures.

use millrace_protocol::Address;
use solana_keypair::{Keypair, Signer};
use solana_message::legacy::Message;
use solana_signature::Signature;
use solana_transaction::Transaction;

use crate::address::address;

/// Signs with every key that the message asks for; zeros stand for the others.
pub(crate) fn sign(message: Message, keys: &[&Keypair]) -> Transaction {
    let bytes = message.serialize();
    let mut transaction = Transaction::new_unsigned(message);
    let signatures = transaction.message.signer_keys().into_iter().map(|wanted| {
        let key = keys.iter().find(|key| key.pubkey() == *wanted);
        key.map_or_else(Signature::default, |key| key.sign_message(&bytes))
    });
    transaction.signatures = signatures.collect();
    transaction
}

/// The first signer whose signature is missing or wrong.
pub(crate) fn missing_signature(transaction: &Transaction) -> Option<Address> {
    let message = transaction.message.serialize();
    let wanted = transaction.message.signer_keys();
    let mut pairs = wanted.into_iter().zip(&transaction.signatures);
    pairs.find(|(key, signature)| !signature.verify(key.as_ref(), &message)).map(|(key, _)| address(*key))
}

pub(crate) fn encode(transaction: &Transaction) -> Vec<u8> {
    bincode::serialize(transaction).unwrap_or_default()
}

/// Reads a legacy transaction, and only one that encodes to the very same bytes and whose indices
/// stay inside its own lists.
pub(crate) fn decode(bytes: &[u8]) -> Option<Transaction> {
    let transaction: Transaction = bincode::deserialize(bytes).ok()?;
    let message = &transaction.message;
    let (n_keys, header) = (message.account_keys.len(), &message.header);
    let n_signers = usize::from(header.num_required_signatures);
    let inside = |index: &u8| usize::from(*index) < n_keys;
    let sound = encode(&transaction) == bytes
        && transaction.signatures.len() == n_signers
        && n_signers > 0
        && header.num_readonly_signed_accounts < header.num_required_signatures
        && n_signers + usize::from(header.num_readonly_unsigned_accounts) <= n_keys
        && message.instructions.iter().all(|one| inside(&one.program_id_index) && one.accounts.iter().all(inside));
    sound.then_some(transaction)
}

#[cfg(test)]
mod tests {
    use anchor_lang::prelude::Pubkey;
    use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};

    use super::*;
    use crate::keys::address_of;

    fn two_signers() -> (Keypair, Keypair, Message) {
        let (payer, other) = (Keypair::new(), Keypair::new());
        let accounts = vec![AccountMeta::new_readonly(other.pubkey(), true)];
        let instruction = Instruction { program_id: Pubkey::new_from_array([9; 32]), accounts, data: vec![1] };
        let message = Message::new(&[instruction], Some(&payer.pubkey()));
        (payer, other, message)
    }

    #[test]
    fn a_missing_and_a_wrong_signature_are_named() {
        let (payer, other, message) = two_signers();
        let mut half = sign(message.clone(), &[&payer]);
        assert_eq!(missing_signature(&half), Some(address_of(&other)));
        half.signatures[1] = Keypair::new().sign_message(&half.message.serialize());
        assert_eq!(missing_signature(&half), Some(address_of(&other)));
        assert_eq!(missing_signature(&sign(message, &[&other, &payer])), None);
    }

    #[test]
    fn only_whole_transactions_decode() {
        let (payer, other, message) = two_signers();
        let transaction = sign(message, &[&payer, &other]);
        let bytes = encode(&transaction);
        assert_eq!(decode(&bytes), Some(transaction.clone()));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(decode(&[bytes.as_slice(), &[0]].concat()), None);
        let mut outside = transaction.clone();
        outside.message.instructions[0].program_id_index = 200;
        assert_eq!(decode(&encode(&outside)), None);
        let mut unsigned = transaction;
        unsigned.signatures.pop();
        assert_eq!(decode(&encode(&unsigned)), None);
    }
}
