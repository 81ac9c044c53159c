//! Bringing a transaction in, once.
//!
//! A signed transaction is sent again, byte for byte and to every endpoint, until its fate is known or its
//! blockhash is provably dead; only then is the same work signed anew. Two signatures of one piece of work
//! are therefore never alive at the same time, on however many endpoints, also where a call is dropped or
//! gives up: what it left in flight is taken up by the next call with the same instructions.

mod blockhash;
mod budget;
mod delivery;
mod envelope;
mod goal;
mod in_flight;
mod reasons;
mod testify;
mod verdict;

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
use in_flight::{Flight, InFlight, Work};

pub(crate) use envelope::{decode, encode, missing_signature, sign};
pub use goal::{Goal, Outcome};

/// How patient and how generous a sender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderOptions {
    /// Between looks at a transaction's status; the first few come sooner.
    pub poll_every: Duration,
    /// Between sends of the same transaction, and between looks at the block height.
    pub resend_every: Duration,
    /// After this long without an answer the caller is told that the fate is open. A blockhash lives 150
    /// blocks, about a minute, and another quarter goes by until its end is final.
    pub give_up_after: Duration,
    /// How long a landing that one endpoint tells waits for another one to say the same.
    pub corroborate_for: Duration,
    /// How often the same work is signed, counting the first time. Each time bids twice as much.
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
            corroborate_for: Duration::from_secs(2),
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

/// A signed transaction that has not been sent. To survive a crash in the middle, write it down before
/// it is submitted: submitting the same bytes again is harmless and tells what became of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The transaction in Solana's wire format, with zeros for the signatures that are missing.
    pub transaction: Vec<u8>,
    /// Past this block height it can never land.
    pub last_valid_block_height: u64,
}

impl Prepared {
    /// The name of the transaction on the chain: the payer's signature.
    pub fn signature(&self) -> Option<Signature> {
        decode(&self.transaction)?.signatures.first().copied()
    }
}

/// Sends transactions that one key pays for. Cheap to clone; clones know of each other's transactions.
///
/// Every call may be dropped at any time, as by a timeout: what it has sent may still land, and the next
/// call with the same instructions takes it up instead of signing it a second time. That memory is the
/// process's. Across a crash, two things keep work from being done twice: most instructions of the program
/// make an account at an address of its own, so that a repeat is refused ([`Self::send_once`] tells it from a
/// failure), and for the others, such as `add_stake`, the transaction can be kept ([`Self::prepare`],
/// then [`Self::submit_signed`]).
///
/// ```no_run
/// # async fn example(instructions: Vec<millrace_client::Instruction>) -> Result<(), millrace_client::Error> {
/// use std::sync::Arc;
/// use millrace_client::{Client, Endpoints, Keypair, Sender};
///
/// let client = Client::new(Endpoints::from_rpc("http://127.0.0.1:8899"));
/// let sender = Sender::new(client, Arc::new(Keypair::new()));
/// let receipt = sender.send(&instructions, &[]).await?;
/// println!("landed in slot {}: {}", receipt.slot, receipt.signature);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sender {
    client: Client,
    payer: Arc<Keypair>,
    options: SenderOptions,
    in_flight: InFlight,
}

impl Sender {
    /// A sender with the options of [`SenderOptions::default`].
    pub fn new(client: Client, payer: Arc<Keypair>) -> Self {
        Self::with_options(client, payer, SenderOptions::default())
    }

    pub fn with_options(client: Client, payer: Arc<Keypair>, options: SenderOptions) -> Self {
        Self { client, payer, options, in_flight: InFlight::default() }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Who pays the transactions' fees.
    pub fn payer(&self) -> Address {
        address_of(&self.payer)
    }

    /// Simulates, signs, sends and confirms. `signers` are the keys needed besides the payer's. Calls with
    /// the same instructions at the same time are one transaction, and have one receipt.
    ///
    /// # Errors
    /// [`Error::Refused`] with the program's own reason, before or after sending;
    /// [`Error::InsufficientFunds`]; [`Error::SignatureInvalid`] where a needed key is not among the
    /// signers; [`Error::Expired`] when it found its way into no block, however often it was signed;
    /// [`Error::Unconfirmed`] when nobody could tell its fate in time: call again to go on waiting;
    /// [`Error::Unreachable`], [`Error::Rejected`].
    pub async fn send(&self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Receipt, Error> {
        let work = Work::of(&self.message(instructions, Hash::default()));
        let mut flight = match self.in_flight.get(&work) {
            Some(flight) => flight,
            None => self.in_flight.launch(&work, None, self.sign_anew(instructions, signers, 1).await?),
        };
        loop {
            let fate = self.deliver(&flight.transaction, flight.last_valid).await;
            match fate {
                Err(Error::Expired { signature }) if flight.signing < self.options.signings => {
                    tracing::info!(%signature, "a transaction expired and is signed anew");
                    let next = self.sign_anew(instructions, signers, flight.signing + 1).await?;
                    flight = self.in_flight.launch(&work, Some(signature), next);
                }
                Ok(_) | Err(Error::Expired { .. } | Error::Refused { .. } | Error::InsufficientFunds { .. }) => {
                    self.in_flight.land(&work, flight.signature());
                    return fate;
                }
                // It may still be on its way.
                Err(_) => return fate,
            }
        }
    }

    /// Simulates and signs with the keys at hand; the missing signatures are added elsewhere.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::InsufficientFunds`], [`Error::Unreachable`], [`Error::Rejected`].
    pub async fn prepare(&self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Prepared, Error> {
        let budgeted = self.budget(instructions, 1).await?;
        let (blockhash, last_valid_block_height) = self.blockhash(1).await?;
        let transaction = sign(self.message(&budgeted, blockhash), &self.keys(signers));
        Ok(Prepared { transaction: encode(&transaction), last_valid_block_height })
    }

    /// Sends and confirms a transaction that carries all its signatures. It cannot be signed anew
    /// here: after [`Error::Expired`] prepare another. Submitting the same bytes twice is harmless.
    ///
    /// # Errors
    /// [`Error::TransactionMalformed`], [`Error::SignatureInvalid`], [`Error::Refused`],
    /// [`Error::Expired`], [`Error::Unconfirmed`], [`Error::Unreachable`], [`Error::Rejected`].
    pub async fn submit_signed(&self, transaction: &[u8], last_valid_block_height: u64) -> Result<Receipt, Error> {
        let transaction = decode(transaction).ok_or(Error::TransactionMalformed)?;
        if let Some(signer) = missing_signature(&transaction) {
            return Err(Error::SignatureInvalid { signer });
        }
        self.deliver(&transaction, last_valid_block_height).await
    }

    async fn sign_anew(
        &self,
        instructions: &[Instruction],
        signers: &[&Keypair],
        signing: u32,
    ) -> Result<Flight, Error> {
        let budgeted = self.budget(instructions, signing).await?;
        let (blockhash, last_valid) = self.blockhash(signing).await?;
        let transaction = sign(self.message(&budgeted, blockhash), &self.keys(signers));
        match missing_signature(&transaction) {
            Some(signer) => Err(Error::SignatureInvalid { signer }),
            None => Ok(Flight { transaction, last_valid, signing }),
        }
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
}
