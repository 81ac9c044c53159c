//! What an environment runs on: the built program in LiteSVM, the program's source as native code,
//! or, where nothing else is asked for, both, which then must agree on every transaction.
//!
//! `MILLRACE_CHAIN=native` and `MILLRACE_CHAIN=bytecode` ask for one of them. Native alone is for
//! what looks into the program or changes it, fuzzers and mutations; without the feature `bytecode`
//! nothing else is there.

#[cfg(feature = "bytecode")]
mod bytecode;

use std::collections::BTreeMap;

use anchor_lang::prelude::{Clock, Pubkey};
#[cfg(feature = "bytecode")]
use anchor_lang::solana_program::bpf_loader_upgradeable;
use anchor_lang::solana_program::instruction::Instruction;
use millrace_nativechain::{Account, Chain};
use solana_keypair::Keypair;
use solana_signer::Signer;
use solana_transaction_error::TransactionError;

#[cfg(feature = "bytecode")]
use self::bytecode::Bytecode;
use crate::{Receipt, Refusal};

#[derive(Clone)]
pub struct Network {
    native: Option<Chain>,
    #[cfg(feature = "bytecode")]
    bytecode: Option<Bytecode>,
}

impl Network {
    /// # Panics
    /// When the built program is missing or does not load.
    #[cfg(feature = "bytecode")]
    pub fn new() -> Self {
        let chosen = std::env::var("MILLRACE_CHAIN").unwrap_or_default();
        let (native, bytecode) = match chosen.as_str() {
            "native" => (true, false),
            "bytecode" => (false, true),
            "" | "both" => (true, true),
            other => panic!("MILLRACE_CHAIN is native, bytecode or both, not {other}"),
        };
        Self { native: native.then(Chain::new), bytecode: bytecode.then(Bytecode::new) }
    }

    #[cfg(not(feature = "bytecode"))]
    pub fn new() -> Self {
        Self { native: Some(Chain::new()) }
    }

    /// Puts the program at `address`.
    pub fn add_program(&mut self, address: Pubkey) {
        if let Some(native) = &mut self.native {
            native.deploy(address, millrace::entry);
        }
        #[cfg(feature = "bytecode")]
        if let Some(bytecode) = &mut self.bytecode {
            bytecode.add_program(address);
        }
    }

    pub fn get_account(&self, address: &Pubkey) -> Option<Account> {
        #[cfg(feature = "bytecode")]
        if let Some(bytecode) = self.bytecode.as_ref().filter(|_| self.native.is_none()) {
            return bytecode.get_account(address);
        }
        self.native.as_ref()?.accounts.get(address).cloned()
    }

    pub fn get_program_accounts(&self, owner: &Pubkey) -> Vec<(Pubkey, Account)> {
        #[cfg(feature = "bytecode")]
        if let Some(bytecode) = self.bytecode.as_ref().filter(|_| self.native.is_none()) {
            return bytecode.get_program_accounts(owner);
        }
        let accounts = self.native.iter().flat_map(|native| &native.accounts);
        accounts.filter(|(_, account)| account.owner == *owner).map(|(key, account)| (*key, account.clone())).collect()
    }

    /// Lamports by address, of everything that lies on the chain.
    ///
    /// # Panics
    /// On bytecode alone, where fees are charged and LiteSVM has accounts of its own.
    pub fn all_lamports(&self) -> BTreeMap<Pubkey, u64> {
        let native = self.native.as_ref().expect("lamports are counted on native code");
        native.accounts.iter().map(|(address, account)| (*address, account.lamports)).collect()
    }

    /// Changes an account, or makes one, without a transaction.
    pub fn edit(&mut self, address: Pubkey, edit: impl Fn(&mut Account)) {
        if let Some(native) = &mut self.native {
            edit(native.accounts.entry(address).or_default());
        }
        #[cfg(feature = "bytecode")]
        if let Some(bytecode) = &mut self.bytecode {
            let mut account = bytecode.get_account(&address).unwrap_or_default();
            edit(&mut account);
            bytecode.set_account(address, account);
        }
    }

    pub fn set_account(&mut self, address: Pubkey, account: Account) {
        self.edit(address, |slot| account.clone_into(slot));
    }

    pub fn minimum_balance_for_rent_exemption(&self, length: usize) -> u64 {
        #[cfg(feature = "bytecode")]
        if let Some(bytecode) = self.bytecode.as_ref().filter(|_| self.native.is_none()) {
            return bytecode.minimum_balance_for_rent_exemption(length);
        }
        self.native.as_ref().map_or(0, |native| native.rent.minimum_balance(length))
    }

    pub fn clock(&self) -> Clock {
        #[cfg(feature = "bytecode")]
        if let Some(bytecode) = self.bytecode.as_ref().filter(|_| self.native.is_none()) {
            return bytecode.clock();
        }
        self.native.as_ref().map(|native| native.clock.clone()).unwrap_or_default()
    }

    pub fn set_clock(&mut self, slot: u64, unix_timestamp: i64) {
        if let Some(native) = &mut self.native {
            native.clock = Clock { slot, unix_timestamp, ..native.clock.clone() };
        }
        #[cfg(feature = "bytecode")]
        if let Some(bytecode) = &mut self.bytecode {
            bytecode.set_clock(slot, unix_timestamp);
        }
    }

    /// Sends a transaction whose fee the first of `keys` pays.
    ///
    /// # Errors
    /// The chain's refusal.
    ///
    /// # Panics
    /// When a signature is missing, and when bytecode and native code disagree.
    pub fn send(&mut self, instructions: &[Instruction], keys: &[&Keypair]) -> Result<Receipt, Refusal> {
        let signed = |key: &Pubkey| keys.iter().any(|known| known.pubkey() == *key);
        let mut metas = instructions.iter().flat_map(|one| &one.accounts);
        assert!(metas.all(|meta| !meta.is_signer || signed(&meta.pubkey)), "a signature is missing");
        let native = self.native.as_mut().map(|native| execute(native, instructions));
        #[cfg(feature = "bytecode")]
        if let Some(bytecode) = &mut self.bytecode {
            let result = bytecode.send(instructions, keys);
            if let Some(native) = &native {
                agree(&result, native);
                self.agree_on_accounts(instructions, &keys[0].pubkey());
            }
            return result;
        }
        native.expect("one of both is there")
    }

    #[cfg(feature = "bytecode")]
    fn agree_on_accounts(&self, instructions: &[Instruction], fee_payer: &Pubkey) {
        let (Some(native), Some(bytecode)) = (&self.native, &self.bytecode) else { return };
        let keys = instructions.iter().flat_map(|one| &one.accounts).map(|meta| &meta.pubkey);
        for key in keys.filter(|key| *key != fee_payer) {
            let (native, bytecode) = (native.accounts.get(key), bytecode.get_account(key));
            // Programs are code here and bytes there; of sysvars, LiteSVM has more.
            let loaded =
                native.is_some_and(|account| account.executable || account.owner == bpf_loader_upgradeable::ID);
            let sysvar = bytecode.as_ref().is_some_and(|account| account.owner == SYSVAR);
            if !loaded && !sysvar {
                assert_eq!(native, bytecode.as_ref(), "native code and bytecode left {key} different: {STALE}");
            }
        }
    }
}

#[cfg(feature = "bytecode")]
const SYSVAR: Pubkey = solana_sdk_ids::sysvar::ID;
#[cfg(feature = "bytecode")]
const STALE: &str = "./dev program brings the bytecode up to the source";

fn execute(chain: &mut Chain, instructions: &[Instruction]) -> Result<Receipt, Refusal> {
    match chain.execute(instructions) {
        Ok(receipt) => Ok(Receipt::native(&receipt)),
        Err(refusal) => Err(Refusal { error: transaction_error(refusal), logs: Vec::new() }),
    }
}

fn transaction_error(refusal: millrace_nativechain::Refusal) -> TransactionError {
    match refusal {
        millrace_nativechain::Refusal::Instruction(index, error) => TransactionError::InstructionError(index, error),
        millrace_nativechain::Refusal::Rent(_) => TransactionError::InsufficientFundsForRent { account_index: 0 },
        millrace_nativechain::Refusal::NotAProgram(_) => TransactionError::ProgramAccountNotFound,
    }
}

#[cfg(feature = "bytecode")]
#[track_caller]
fn agree(bytecode: &Result<Receipt, Refusal>, native: &Result<Receipt, Refusal>) {
    let rent = |error: &TransactionError| matches!(error, TransactionError::InsufficientFundsForRent { .. });
    match (bytecode, native) {
        (Ok(bytecode), Ok(native)) => assert!(bytecode.events_equal(native), "events differ: {STALE}"),
        (Err(bytecode), Err(native)) if rent(&bytecode.error) && rent(&native.error) => {}
        (Err(bytecode), Err(native)) => assert_eq!(bytecode.error, native.error, "{STALE}\n{bytecode:?}"),
        _ => panic!("the bytecode gave {bytecode:?}, native code {native:?}: {STALE}"),
    }
}
