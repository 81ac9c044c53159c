//! One instruction of the program on its way to the chain, and what came of it.

use std::collections::BTreeSet;

use anchor_lang::event::EVENT_IX_TAG_LE;
use anchor_lang::prelude::{AccountMeta, Pubkey};
use anchor_lang::solana_program::instruction::Instruction;
use anchor_lang::{AnchorDeserialize, Discriminator, InstructionData, ToAccountMetas};
#[cfg(feature = "bytecode")]
use litesvm::types::TransactionMetadata;
use solana_keypair::Keypair;

/// An instruction of the program, all of it open to a test's changes.
pub struct Call<A, D> {
    pub accounts: A,
    pub data: D,
    /// Besides the fee payer.
    pub signers: Vec<Keypair>,
    /// Goes into the same transaction, before the instruction.
    pub before: Vec<Instruction>,
    /// Accounts whose signature a test takes away although the instruction asks for it.
    pub unsigned: Vec<Pubkey>,
}

impl<A: ToAccountMetas, D: InstructionData> Call<A, D> {
    pub fn new(accounts: A, data: D, signers: &[&Keypair]) -> Self {
        let signers = signers.iter().map(|key| key.insecure_clone()).collect();
        Self { accounts, data, signers, before: Vec::new(), unsigned: Vec::new() }
    }

    /// Takes away the signature of `key`.
    pub fn without_signature_of(mut self, key: Pubkey) -> Self {
        self.unsigned.push(key);
        self
    }

    pub fn instruction(&self) -> Instruction {
        let mut accounts = self.accounts.to_account_metas(None);
        for meta in accounts.iter_mut().filter(|meta| self.unsigned.contains(&meta.pubkey)) {
            meta.is_signer = false;
        }
        Instruction { program_id: millrace::ID, accounts, data: self.data.data() }
    }

    /// The accounts that it may write.
    pub fn writable(&self) -> BTreeSet<Pubkey> {
        let metas = self.accounts.to_account_metas(None);
        metas.into_iter().filter(|meta: &AccountMeta| meta.is_writable).map(|meta| meta.pubkey).collect()
    }
}

/// A transaction that went through.
#[derive(Debug)]
pub struct Receipt {
    pub compute_units: u64,
    /// Lamports burned or given to validators.
    pub fee: u64,
    events: Vec<Vec<u8>>,
}

impl Receipt {
    #[cfg(feature = "bytecode")]
    pub(crate) fn new(metadata: &TransactionMetadata) -> Self {
        let inner = metadata.inner_instructions.iter().flatten().map(|inner| inner.instruction.data.as_slice());
        Self { compute_units: metadata.compute_units_consumed, fee: metadata.fee, events: events(inner) }
    }

    /// Native code costs no compute units.
    pub(crate) fn native(receipt: &millrace_nativechain::Receipt) -> Self {
        let inner = receipt.inner.iter().map(|inner| inner.data.as_slice());
        Self { compute_units: 0, fee: 0, events: events(inner) }
    }

    #[cfg(feature = "bytecode")]
    pub(crate) fn events_equal(&self, other: &Self) -> bool {
        self.events == other.events
    }

    /// The transaction's one event.
    ///
    /// # Panics
    /// When it emitted none, several, or another one.
    pub fn event<E: Discriminator + AnchorDeserialize>(&self) -> E {
        assert_eq!(self.events.len(), 1, "one event per instruction");
        let body = self.events[0].strip_prefix(E::DISCRIMINATOR).expect("another event was emitted");
        E::try_from_slice(body).expect("the event does not have the layout of its type")
    }
}

fn events<'a>(inner: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    inner.filter_map(|data| data.strip_prefix(EVENT_IX_TAG_LE).map(<[u8]>::to_vec)).collect()
}
