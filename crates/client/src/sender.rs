//! Bringing a transaction in, once.
//!
//! A signed transaction is sent again, byte for byte, until a status tells its fate or its
//! blockhash has provably expired; only then is the same work signed anew. Two signatures of one
//! piece of work are therefore never alive at the same time, on however many endpoints.

mod budget;
mod delivery;
mod envelope;

use std::sync::Arc;
use std::time::Duration;

use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;
use solana_hash::Hash;
use solana_keypair::Keypair;
use solana_message::legacy::Message;
use solana_signature::Signature;
use solana_transaction::Transaction;

use crate::address::pubkey;
use crate::keys::address_of;
use crate::{Client, Error};

pub(crate) use envelope::{decode, encode, missing_signature, sign};

/// How patient and how generous a sender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderOptions {
    /// Between looks at a transaction's status; the first few come sooner.
    pub poll_every: Duration,
    /// Between sends of the same transaction.
    pub resend_every: Duration,
    /// After this long without an answer the caller is told that the fate is open.
    pub give_up_after: Duration,
    /// How often the same work is signed, counting the first time.
    pub signings: u32,
    /// Most micro-lamports paid per compute unit, whatever others pay.
    pub highest_unit_price: u64,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            poll_every: Duration::from_millis(300),
            resend_every: Duration::from_secs(2),
            give_up_after: Duration::from_secs(120),
            signings: 3,
            highest_unit_price: 200_000,
        }
    }
}

/// A transaction that has landed and succeeded, at commitment `confirmed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub signature: Signature,
    pub slot: u64,
}

/// A transaction that waits for the signature of somebody elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The transaction in Solana's wire format, with zeros for the signatures that are missing.
    pub transaction: Vec<u8>,
    /// Past this block height it can never land.
    pub last_valid_block_height: u64,
}

/// Sends transactions that one key pays for. Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    client: Client,
    payer: Arc<Keypair>,
    options: SenderOptions,
}

impl Sender {
    pub fn new(client: Client, payer: Arc<Keypair>) -> Self {
        Self::with_options(client, payer, SenderOptions::default())
    }

    pub fn with_options(client: Client, payer: Arc<Keypair>, options: SenderOptions) -> Self {
        Self { client, payer, options }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Who pays the transactions' fees.
    pub fn payer(&self) -> Address {
        address_of(&self.payer)
    }

    /// Simulates, signs, sends and confirms. `signers` are the keys needed besides the payer's.
    ///
    /// # Errors
    /// [`Error::Refused`] with the program's own reason, before or after sending;
    /// [`Error::InsufficientFunds`], [`Error::SignatureInvalid`] where a needed key is not among the
    /// signers, [`Error::Expired`], [`Error::Unconfirmed`], [`Error::Unreachable`].
    pub async fn send(&self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Receipt, Error> {
        let budgeted = self.budget(instructions).await?;
        let mut signing = 1;
        loop {
            let (blockhash, last_valid) = self.latest_blockhash().await?;
            let transaction = sign(self.message(&budgeted, blockhash), &self.keys(signers));
            if let Some(signer) = missing_signature(&transaction) {
                return Err(Error::SignatureInvalid { signer });
            }
            match self.deliver(&transaction, last_valid).await {
                Err(Error::Expired { signature }) if signing < self.options.signings => {
                    tracing::info!(%signature, "a transaction expired and is signed anew");
                    signing += 1;
                }
                fate => return fate,
            }
        }
    }

    /// Simulates and signs with the keys at hand; the missing signatures are added elsewhere.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::InsufficientFunds`], [`Error::Unreachable`].
    pub async fn prepare(&self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Prepared, Error> {
        let budgeted = self.budget(instructions).await?;
        let (blockhash, last_valid_block_height) = self.latest_blockhash().await?;
        let transaction = sign(self.message(&budgeted, blockhash), &self.keys(signers));
        Ok(Prepared { transaction: encode(&transaction), last_valid_block_height })
    }

    /// Sends and confirms a transaction that carries all its signatures. It cannot be signed anew
    /// here: after [`Error::Expired`] prepare another. Submitting the same bytes twice is harmless.
    ///
    /// # Errors
    /// [`Error::TransactionMalformed`], [`Error::SignatureInvalid`], [`Error::Refused`],
    /// [`Error::Expired`], [`Error::Unconfirmed`], [`Error::Unreachable`].
    pub async fn submit_signed(&self, transaction: &[u8], last_valid_block_height: u64) -> Result<Receipt, Error> {
        let transaction = decode(transaction).ok_or(Error::TransactionMalformed)?;
        if let Some(signer) = missing_signature(&transaction) {
            return Err(Error::SignatureInvalid { signer });
        }
        self.deliver(&transaction, last_valid_block_height).await
    }

    fn message(&self, instructions: &[Instruction], blockhash: Hash) -> Message {
        Message::new_with_blockhash(instructions, Some(&pubkey(self.payer())), &blockhash)
    }

    fn unsigned(&self, instructions: &[Instruction]) -> Transaction {
        Transaction::new_unsigned(self.message(instructions, Hash::default()))
    }

    fn keys<'a>(&'a self, signers: &[&'a Keypair]) -> Vec<&'a Keypair> {
        signers.iter().copied().chain([&*self.payer]).collect()
    }

    async fn latest_blockhash(&self) -> Result<(Hash, u64), Error> {
        self.client
            .ask(|rpc| async move {
                let commitment = rpc.commitment();
                rpc.get_latest_blockhash_with_commitment(commitment).await
            })
            .await
    }
}
