//! How a byte chooses one of what is there: mostly one to which the deed can be done.

use std::collections::BTreeMap;

use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::state::{Buyer, Dispute, Job, Lease, Node, Provider};
use millrace_testkit::{BalanceHandle, JobHandle, Keypair, LeaseHandle, NodeHandle, ProviderHandle, Wallet};

use super::Market;

/// Providers and buyers, those who have most to do.
const MERCHANTS: usize = 5;
/// From here on a choice does not look at whether the deed can be done.
const BLIND: u8 = 0xe0;

impl Market {
    /// A provider or buyer.
    pub fn merchant(&self, choice: u8) -> &Wallet {
        pick(&self.wallets[..MERCHANTS], choice).expect("there are merchants")
    }

    /// Anybody at all.
    pub fn person(&self, choice: u8) -> &Wallet {
        pick(&self.wallets, choice).expect("there are people")
    }

    /// What came last is chosen by the lowest numbers, however much there is.
    pub fn any_address(&self, choice: u8) -> Pubkey {
        let last = self.pool.len() - 1;
        self.pool[last - usize::from(choice) % self.pool.len()]
    }

    /// Another address at which the same kind of account lies: of the same program, and as long.
    pub fn another(&self, address: &Pubkey, choice: u8) -> Pubkey {
        let kind = |address| self.chain.kind(address);
        let wanted = kind(address);
        let alike: Vec<_> = self.pool.iter().filter(|other| *other != address && kind(other) == wanted).collect();
        pick(&alike, choice).map_or(*address, |other| **other)
    }

    pub fn any_purse(&self, choice: u8) -> Pubkey {
        let purses: Vec<_> = self.purses.keys().collect();
        **pick(&purses, choice).expect("there are purses")
    }

    /// A token account of the address's own, its wallet's or another.
    pub fn tokens_of(&self, owner: &Pubkey, choice: u8) -> Pubkey {
        let purses: Vec<_> = self.purses.iter().filter(|(_, of)| *of == owner).map(|(purse, _)| *purse).collect();
        let vaults = self.ledger.providers.iter().filter(|(key, _)| *key == owner);
        let vaults = vaults.flat_map(|(_, one)| [one.stake_vault, one.earnings_vault]);
        let all: Vec<_> = purses.into_iter().chain(vaults).collect();
        pick(&all, choice).copied().unwrap_or(self.stranger().tokens)
    }

    /// Any token account, vaults among them.
    pub fn any_tokens(&self, choice: u8) -> Pubkey {
        let tokens: Vec<_> = self.ledger.tokens.keys().collect();
        **pick(&tokens, choice).expect("there are token accounts")
    }

    pub fn provider(&self, choice: u8, fits: impl Fn(&Provider) -> bool) -> Option<ProviderHandle> {
        let (address, provider) = pick_fitting(&self.ledger.providers, choice, fits)?;
        Some(self.provider_handle(*address, provider))
    }

    fn provider_handle(&self, address: Pubkey, provider: &Provider) -> ProviderHandle {
        let Provider { owner, stake_vault, earnings_vault, .. } = *provider;
        ProviderHandle { owner: self.wallet_of(&owner), address, stake_vault, earnings_vault }
    }

    pub fn node(&self, choice: u8, fits: impl Fn(&Node) -> bool) -> Option<NodeHandle> {
        let (address, node) = pick_fitting(&self.ledger.nodes, choice, fits)?;
        let provider = self.provider_handle(node.provider, self.ledger.providers.get(&node.provider)?);
        Some(NodeHandle { address: *address, key: self.key(&node.node_key), provider })
    }

    pub fn job(&self, choice: u8, fits: impl Fn(&Job) -> bool) -> Option<JobHandle> {
        let (address, job) = pick_fitting(&self.ledger.jobs, choice, fits)?;
        Some(self.job_handle(*address, job))
    }

    fn job_handle(&self, address: Pubkey, job: &Job) -> JobHandle {
        let (buyer, funder) = (self.wallet_of(&job.buyer), self.wallet_of(&job.funder));
        JobHandle { address, vault: job.job_vault, buyer, funder }
    }

    pub fn job_at(&self, address: &Pubkey) -> Option<JobHandle> {
        self.ledger.jobs.get(address).map(|job| self.job_handle(*address, job))
    }

    pub fn lease_at(&self, address: &Pubkey) -> Option<LeaseHandle> {
        self.lease_handle(*address, self.ledger.leases.get(address)?)
    }

    pub fn lease(&self, choice: u8, fits: impl Fn(&Lease, &Job) -> bool) -> Option<LeaseHandle> {
        let fits = |lease: &Lease| self.ledger.jobs.get(&lease.job).is_some_and(|job| fits(lease, job));
        let (address, lease) = pick_fitting(&self.ledger.leases, choice, fits)?;
        self.lease_handle(*address, lease)
    }

    fn lease_handle(&self, address: Pubkey, lease: &Lease) -> Option<LeaseHandle> {
        let job = self.job_handle(lease.job, self.ledger.jobs.get(&lease.job)?);
        let provider = self.provider_handle(lease.provider, self.ledger.providers.get(&lease.provider)?);
        // A node may be gone before its last lease is settled.
        let key = self.ledger.nodes.get(&lease.node).map(|node| node.node_key).unwrap_or_default();
        let node = NodeHandle { address: lease.node, key: self.key(&key), provider };
        Some(LeaseHandle { address, job, node })
    }

    /// A disputed lease, and whoever disputes it.
    pub fn dispute(&self, choice: u8) -> Option<(LeaseHandle, Wallet)> {
        let (_, Dispute { lease, challenger, .. }) = pick_fitting(&self.ledger.disputes, choice, |_| true)?;
        Some((self.lease_at(lease)?, self.wallet_of(challenger)))
    }

    pub fn balance(&self, choice: u8, fits: impl Fn(&Buyer) -> bool) -> Option<BalanceHandle> {
        let (address, balance) = pick_fitting(&self.ledger.balances, choice, fits)?;
        Some(self.balance_handle(*address, balance))
    }

    fn balance_handle(&self, address: Pubkey, balance: &Buyer) -> BalanceHandle {
        BalanceHandle { owner: self.wallet_of(&balance.owner), address, vault: balance.buyer_vault }
    }

    /// The balance that a job is funded by.
    pub fn balance_behind(&self, job: &JobHandle) -> Option<BalanceHandle> {
        let address = self.ledger.jobs.get(&job.address)?.funder;
        Some(self.balance_handle(address, self.ledger.balances.get(&address)?))
    }

    /// An allowance: whose balance, and for whom.
    pub fn allowance(&self, choice: u8) -> Option<(BalanceHandle, Keypair)> {
        let (_, allowance) = pick_fitting(&self.ledger.allowances, choice, |_| true)?;
        let balance = self.balance_handle(allowance.buyer, self.ledger.balances.get(&allowance.buyer)?);
        Some((balance, self.key(&allowance.delegate)))
    }
}

pub fn pick<T>(from: &[T], choice: u8) -> Option<&T> {
    from.get(usize::from(choice).checked_rem(from.len())?)
}

fn pick_fitting<K, V>(from: &BTreeMap<K, V>, choice: u8, fits: impl Fn(&V) -> bool) -> Option<(&K, &V)> {
    let all: Vec<_> = from.iter().collect();
    let fitting: Vec<_> = all.iter().copied().filter(|(_, value)| fits(value)).collect();
    let from = if fitting.is_empty() || choice >= BLIND { all } else { fitting };
    pick(&from, choice).copied()
}
