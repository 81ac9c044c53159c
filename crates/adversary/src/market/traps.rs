use std::collections::BTreeMap;
use std::rc::Rc;

use anchor_lang::prelude::Pubkey;
use millrace_testkit::protocol::MicroUsdc;
use millrace_testkit::{Environment, Ledger, Signer};

use super::Market;

/// Of each kind of account this many are forged.
const FORGED: usize = 2;

impl Market {
    /// Accounts that anybody can make on a chain, and that look like the market's own.
    pub(super) fn add_traps(&mut self) {
        let mut purses: BTreeMap<_, _> = self.wallets.iter().map(|wallet| (wallet.tokens, wallet.address())).collect();
        // The treasury's owner is nobody here.
        purses.insert(self.chain.treasury, self.chain.treasury);
        let mint = self.chain.mint;
        let other_mint = self.chain.key().pubkey();
        self.chain.put_mint(other_mint);
        let mut traps = vec![other_mint];
        let Ledger { jobs, providers, balances, .. } = &*self.ledger;
        let vault_owners = jobs.keys().take(FORGED).chain(providers.keys().take(FORGED)).chain(balances.keys());
        let owners: Vec<_> = vault_owners.copied().chain(self.wallets.iter().map(|wallet| wallet.address())).collect();
        for owner in owners {
            for mint in [mint, other_mint] {
                let tokens = self.chain.key().pubkey();
                self.chain.put_tokens(tokens, owner, mint, MicroUsdc::ZERO);
                traps.push(tokens);
                purses.insert(tokens, owner);
            }
        }
        for original in self.some_of_each_kind() {
            for owner in [solana_sdk_ids::system_program::ID, solana_sdk_ids::bpf_loader::ID] {
                traps.push(self.chain.forge(original, owner));
            }
        }
        self.purses = Rc::new(purses);
        let mut pool = traps;
        pool.extend(self.keys.iter().map(Signer::pubkey));
        pool.extend([
            mint,
            self.chain.program_data(),
            Environment::config_address(),
            Environment::event_authority(),
            millrace_testkit::program::ID,
            anchor_spl::token::ID,
            solana_sdk_ids::system_program::ID,
            solana_sdk_ids::sysvar::instructions::ID,
            solana_sdk_ids::sysvar::clock::ID,
        ]);
        pool.extend(self.chain.everything().into_keys());
        pool.into_iter().for_each(|address| self.add_to_pool(address));
    }

    fn some_of_each_kind(&self) -> Vec<Pubkey> {
        fn some<T>(of: &BTreeMap<Pubkey, T>) -> impl Iterator<Item = Pubkey> {
            of.keys().take(FORGED).copied()
        }
        let Ledger { jobs, leases, disputes, quorums, nodes, providers, balances, allowances, .. } = &*self.ledger;
        let founding = [Environment::config_address(), self.chain.mint].into_iter();
        let work = some(jobs).chain(some(leases)).chain(some(disputes)).chain(some(quorums));
        founding
            .chain(work)
            .chain(some(nodes))
            .chain(some(providers))
            .chain(some(balances))
            .chain(some(allowances))
            .collect()
    }
}
