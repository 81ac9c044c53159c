use std::collections::{BTreeMap, BTreeSet};

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::program_pack::Pack;
use anchor_lang::{Discriminator, ZeroCopy};
use anchor_spl::token::spl_token::state::Account as TokenState;
use millrace::state::{Allowance, Buyer, Dispute, Job, Lease, Node, Provider, Quorum};
use millrace_nativechain::Account;
use millrace_protocol::MicroUsdc;
use millrace_protocol::quorum::{Member, MemberState};

use crate::Environment;

/// All the money on the chain, and all the books about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Balance of every token account.
    pub tokens: BTreeMap<Pubkey, MicroUsdc>,
    pub jobs: BTreeMap<Pubkey, Job>,
    pub leases: BTreeMap<Pubkey, Lease>,
    pub disputes: BTreeMap<Pubkey, Dispute>,
    pub quorums: BTreeMap<Pubkey, Quorum>,
    pub nodes: BTreeMap<Pubkey, Node>,
    pub providers: BTreeMap<Pubkey, Provider>,
    pub balances: BTreeMap<Pubkey, Buyer>,
    pub allowances: BTreeMap<Pubkey, Allowance>,
}

impl Environment {
    pub fn ledger(&self) -> Ledger {
        let tokens =
            self.svm.get_program_accounts(&anchor_spl::token::ID).into_iter().filter_map(|(address, account)| {
                let state = TokenState::unpack(&account.data).ok()?;
                Some((address, MicroUsdc(state.amount)))
            });
        let accounts = self.svm.get_program_accounts(&millrace::ID);
        Ledger {
            tokens: tokens.collect(),
            jobs: all(&accounts),
            leases: all(&accounts),
            disputes: all(&accounts),
            quorums: all(&accounts),
            nodes: all(&accounts),
            providers: all(&accounts),
            balances: all(&accounts),
            allowances: all(&accounts),
        }
    }
}

fn all<T: ZeroCopy + Discriminator>(accounts: &[(Pubkey, Account)]) -> BTreeMap<Pubkey, T> {
    let states = accounts.iter().filter_map(|(address, account)| {
        let state = account.data.strip_prefix(T::DISCRIMINATOR)?;
        Some((*address, bytemuck::pod_read_unaligned(state)))
    });
    states.collect()
}

impl Ledger {
    /// All tokens that exist.
    pub fn supply(&self) -> u128 {
        self.tokens.values().map(|amount| u128::from(amount.0)).sum()
    }

    /// Holds every vault against its ledger, and every ledger against the leases behind it.
    ///
    /// # Panics
    /// Where they differ, with the account's address.
    pub fn check(&self) {
        self.check_beside(&BTreeMap::new());
    }

    /// The same where strangers have sent money to vaults: as much lies there beside the ledgers.
    ///
    /// # Panics
    /// Where they differ, with the account's address.
    pub fn check_beside(&self, strangers: &BTreeMap<Pubkey, MicroUsdc>) {
        let held = |vault: &Pubkey| {
            let sent = strangers.get(vault).copied().unwrap_or_default();
            self.tokens[vault].minus(sent).unwrap()
        };
        for (address, job) in &self.jobs {
            let rules = job.rules().unwrap();
            rules.invariant().unwrap();
            let leases: Vec<_> = self.leases.values().filter(|lease| lease.job == *address).collect();
            // Rule 1: deposits = vault + paid + fees (+ what bonds brought in); nothing is refunded before closing.
            assert_eq!(held(&job.job_vault), rules.vault_balance().unwrap(), "vault of job {address}");
            assert_eq!(
                job.reserved,
                leases.iter().map(|lease| lease.reserved).sum::<u64>(),
                "reserve of job {address}"
            );
            assert_eq!(rules.unsettled_leases() as usize, leases.len(), "leases of job {address}");
            assert!(held(&job.job_vault) >= rules.reserved, "job {address} cannot pay what it holds for its leases");
            let bonds = self.disputes.values().filter(|dispute| dispute.job == *address).map(|dispute| dispute.bond);
            assert_eq!(job.dispute_bonds, bonds.sum::<u64>(), "challengers' bonds of job {address}");
            self.check_round(address, job);
        }
        for (address, provider) in &self.providers {
            let rules = provider.rules().unwrap();
            rules.invariant().unwrap();
            let bonds = self.leases.values().filter(|lease| lease.provider == *address).map(|lease| lease.bond);
            assert_eq!(held(&provider.stake_vault), rules.stake.total, "stake vault of provider {address}");
            assert_eq!(provider.stake_locked, bonds.sum::<u64>(), "bonds of provider {address}");
            let earned = rules.earnings.total().unwrap();
            assert_eq!(held(&provider.earnings_vault), earned, "earnings vault of provider {address}");
        }
        for (address, balance) in &self.balances {
            let rules = balance.rules().unwrap();
            rules.invariant().unwrap();
            assert_eq!(held(&balance.buyer_vault), rules.balance, "vault of balance {address}");
            let live = self.jobs.values().filter(|job| job.prepaid != 0 && job.funder == *address).count();
            assert_eq!(rules.jobs_live as usize, live, "live jobs of balance {address}");
            let allowances = self.allowances.values().filter(|allowance| allowance.buyer == *address);
            assert_eq!(rules.allowances as usize, allowances.count(), "allowances of balance {address}");
        }
        for (address, node) in &self.nodes {
            node.rules().unwrap().invariant().unwrap();
            let live = self.leases.values().filter(|lease| lease.node == *address && lease.state < 2);
            assert_eq!(node.leased, live.map(|lease| lease.units).sum::<u16>(), "leased units of node {address}");
        }
        for (address, lease) in &self.leases {
            lease.rules().unwrap().invariant().unwrap();
            let disputes = self.disputes.values().filter(|dispute| dispute.lease == *address);
            assert_eq!(disputes.count(), usize::from(lease.state == 3), "disputes about lease {address}");
        }
    }

    /// A job has at most the one round it says, and every lease of a counted job has its place there.
    fn check_round(&self, address: &Pubkey, job: &Job) {
        let mut rounds = self.quorums.values().filter(|quorum| quorum.job == *address);
        let Some(quorum) = rounds.next() else {
            assert_eq!(job.quorum_open, 0, "job {address} has no round");
            return;
        };
        assert!(rounds.next().is_none() && job.quorum_open != 0, "rounds of job {address}");
        assert_eq!(quorum.round, job.quorum_round, "round of job {address}");
        let rules = quorum.rules().unwrap();
        rules.invariant().unwrap();
        let waiting = |member: &&Member| !matches!(member.state, MemberState::Gone | MemberState::Settled);
        let members: BTreeSet<_> = rules.joined().iter().filter(waiting).map(|member| member.lease.0).collect();
        let leases = self.leases.iter().filter(|(_, lease)| lease.job == *address);
        assert_eq!(members, leases.map(|(lease, _)| lease.to_bytes()).collect(), "members of job {address}");
    }
}
