use std::collections::{BTreeMap, BTreeSet};

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::program_pack::Pack;
use anchor_lang::{Discriminator, ZeroCopy};
use anchor_spl::token::spl_token::state::Account as TokenState;
use millrace::state::{Dispute, Job, Lease, Node, Provider, Quorum};
use millrace_protocol::quorum::{Member, MemberState};
use millrace_protocol::{MicroUsdc, seeds};

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
}

impl Environment {
    pub fn ledger(&self) -> Ledger {
        let tokens =
            self.svm.get_program_accounts(&anchor_spl::token::ID).into_iter().filter_map(|(address, account)| {
                let state = TokenState::unpack(&account.data).ok()?;
                Some((address, MicroUsdc(state.amount)))
            });
        Ledger {
            tokens: tokens.collect(),
            jobs: self.all(),
            leases: self.all(),
            disputes: self.all(),
            quorums: self.all(),
            nodes: self.all(),
            providers: self.all(),
        }
    }

    fn all<T: ZeroCopy + Discriminator>(&self) -> BTreeMap<Pubkey, T> {
        let accounts = self.svm.get_program_accounts(&millrace::ID).into_iter();
        let kind = accounts.filter(|(_, account)| account.data.starts_with(T::DISCRIMINATOR));
        kind.filter_map(|(address, _)| Some((address, self.read(&address)?))).collect()
    }
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
        for (address, job) in &self.jobs {
            let rules = job.rules().unwrap();
            rules.invariant().unwrap();
            let leases: Vec<_> = self.leases.values().filter(|lease| lease.job == *address).collect();
            let vault = Environment::derive(&[seeds::JOB_VAULT, address.as_ref()]);
            // Rule 1: deposits = vault + paid + fees (+ what bonds brought in); nothing is refunded before closing.
            assert_eq!(self.tokens[&vault], rules.vault_balance().unwrap(), "vault of job {address}");
            assert_eq!(
                job.reserved,
                leases.iter().map(|lease| lease.reserved).sum::<u64>(),
                "reserve of job {address}"
            );
            assert_eq!(rules.unsettled_leases() as usize, leases.len(), "leases of job {address}");
            assert!(self.tokens[&vault] >= rules.reserved, "job {address} cannot pay what it holds for its leases");
            let bonds = self.disputes.values().filter(|dispute| dispute.job == *address).map(|dispute| dispute.bond);
            assert_eq!(job.dispute_bonds, bonds.sum::<u64>(), "challengers' bonds of job {address}");
            self.check_round(address, job);
        }
        for (address, provider) in &self.providers {
            let rules = provider.rules().unwrap();
            rules.invariant().unwrap();
            let bonds = self.leases.values().filter(|lease| lease.provider == *address).map(|lease| lease.bond);
            let stake_vault = Environment::derive(&[seeds::STAKE_VAULT, address.as_ref()]);
            let earnings_vault = Environment::derive(&[seeds::EARNINGS_VAULT, address.as_ref()]);
            assert_eq!(self.tokens[&stake_vault], rules.stake.total, "stake vault of provider {address}");
            assert_eq!(provider.stake_locked, bonds.sum::<u64>(), "bonds of provider {address}");
            let earned = rules.earnings.total().unwrap();
            assert_eq!(self.tokens[&earnings_vault], earned, "earnings vault of provider {address}");
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
