//! The built program in LiteSVM.

use anchor_lang::prelude::{Clock, Pubkey};
use anchor_lang::solana_program::instruction::Instruction;
use litesvm::LiteSVM;
use millrace_nativechain::Account;
use solana_keypair::Keypair;
use solana_signer::Signer;
use solana_transaction_svm::Transaction;

use crate::{Receipt, Refusal};

/// Where the built program lies.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../programs/millrace/deploy/millrace.so");

#[derive(Clone)]
pub struct Bytecode(LiteSVM);

impl Bytecode {
    pub fn new() -> Self {
        Self(LiteSVM::new())
    }

    pub fn add_program(&mut self, address: Pubkey) {
        let bytes = std::fs::read(PROGRAM).expect("programs/millrace/deploy/millrace.so: run ./dev program");
        self.0.add_program(address, &bytes).expect("the program does not load");
    }

    pub fn get_account(&self, address: &Pubkey) -> Option<Account> {
        self.0.get_account(address).filter(|account| account.lamports > 0).map(from_svm)
    }

    pub fn get_program_accounts(&self, owner: &Pubkey) -> Vec<(Pubkey, Account)> {
        self.0.get_program_accounts(owner).into_iter().map(|(key, account)| (key, from_svm(account))).collect()
    }

    pub fn set_account(&mut self, address: Pubkey, account: Account) {
        let Account { lamports, data, owner, executable } = account;
        let account = solana_account_svm::Account { lamports, data, owner, executable, rent_epoch: u64::MAX };
        self.0.set_account(address, account).expect("the account does not load");
    }

    pub fn minimum_balance_for_rent_exemption(&self, length: usize) -> u64 {
        self.0.minimum_balance_for_rent_exemption(length)
    }

    pub fn clock(&self) -> Clock {
        self.0.get_sysvar()
    }

    pub fn set_clock(&mut self, slot: u64, unix_timestamp: i64) {
        self.0.warp_to_slot(slot);
        let clock = Clock { unix_timestamp, ..self.clock() };
        self.0.set_sysvar(&clock);
    }

    pub fn send(&mut self, instructions: &[Instruction], keys: &[&Keypair]) -> Result<Receipt, Refusal> {
        // Otherwise a second, equal transaction would be a duplicate, not a replay.
        self.0.expire_blockhash();
        let hash = self.0.latest_blockhash();
        let payer = keys[0].pubkey();
        let transaction = Transaction::new_signed_with_payer(instructions, Some(&payer), &keys.to_vec(), hash);
        match self.0.send_transaction(transaction) {
            Ok(metadata) => Ok(Receipt::new(&metadata)),
            Err(failed) => Err(Refusal::new(failed)),
        }
    }
}

fn from_svm(account: solana_account_svm::Account) -> Account {
    let solana_account_svm::Account { lamports, data, owner, executable, .. } = account;
    Account { lamports, data, owner, executable }
}
