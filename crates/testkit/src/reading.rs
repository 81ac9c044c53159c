//! What lies on the chain.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::program_pack::Pack;
use anchor_lang::{Discriminator, ZeroCopy};
use anchor_spl::token::spl_token::state::Account as TokenState;
use millrace::state::{Allowance, Buyer, Config, Dispute, Job, Lease, Node, Provider, Quorum};
use millrace_protocol::MicroUsdc;

use crate::Environment;

impl Environment {
    /// An account of the program, if it exists.
    ///
    /// # Panics
    /// When it is of another kind.
    pub fn read<T: ZeroCopy + Discriminator>(&self, address: &Pubkey) -> Option<T> {
        let account = self.svm.get_account(address).filter(|account| account.owner == millrace::ID)?;
        let state = account.data.strip_prefix(T::DISCRIMINATOR).expect("an account of another kind");
        Some(bytemuck::pod_read_unaligned(state))
    }

    pub fn config(&self) -> Config {
        self.read(&Self::config_address()).expect("the network is not founded")
    }

    pub fn job(&self, address: &Pubkey) -> Job {
        self.read(address).expect("no such job")
    }

    pub fn balance(&self, address: &Pubkey) -> Buyer {
        self.read(address).expect("no such balance")
    }

    pub fn allowance(&self, address: &Pubkey) -> Allowance {
        self.read(address).expect("no such allowance")
    }

    pub fn lease(&self, address: &Pubkey) -> Lease {
        self.read(address).expect("no such lease")
    }

    pub fn dispute(&self, address: &Pubkey) -> Dispute {
        self.read(address).expect("no such dispute")
    }

    pub fn quorum(&self, address: &Pubkey) -> Quorum {
        self.read(address).expect("no such round")
    }

    pub fn node(&self, address: &Pubkey) -> Node {
        self.read(address).expect("no such node")
    }

    pub fn provider(&self, address: &Pubkey) -> Provider {
        self.read(address).expect("no such provider")
    }

    pub fn exists(&self, address: &Pubkey) -> bool {
        self.svm.get_account(address).is_some_and(|account| account.lamports > 0)
    }

    /// Balance of a token account.
    pub fn tokens(&self, address: &Pubkey) -> MicroUsdc {
        let account = self.svm.get_account(address).expect("no such token account");
        MicroUsdc(TokenState::unpack(&account.data).expect("not a token account").amount)
    }

    pub fn lamports(&self, address: &Pubkey) -> u64 {
        self.svm.get_account(address).map_or(0, |account| account.lamports)
    }

    /// Lamports of everything on the chain. Native code charges no fees, so there their sum never changes.
    ///
    /// # Panics
    /// On bytecode alone.
    pub fn all_lamports(&self) -> BTreeMap<Pubkey, u64> {
        self.svm.all_lamports()
    }

    /// What kind of account lies at an address: its program, and its length in bytes.
    pub fn kind(&self, address: &Pubkey) -> Option<(Pubkey, usize)> {
        self.svm.get_account(address).map(|account| (account.owner, account.data.len()))
    }

    /// A program-derived address.
    pub fn derive(seeds: &[&[u8]]) -> Pubkey {
        Self::find(seeds).0
    }

    /// A program-derived address and its bump, which the instruction that creates the account asks for.
    pub fn find(seeds: &[&[u8]]) -> (Pubkey, u8) {
        Pubkey::find_program_address(seeds, &millrace::ID)
    }

    /// Who the program's events are signed by.
    pub fn event_authority() -> Pubkey {
        // Every call names it, and finding an address takes longer than most calls.
        static ADDRESS: LazyLock<Pubkey> = LazyLock::new(|| Environment::derive(&[b"__event_authority"]));
        *ADDRESS
    }
}
