//! Rules 2 and 4: who may pay whom, and how much. Everything not allowed here is forbidden.

use std::collections::BTreeSet;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use millrace_testkit::program::state::{Buyer, Dispute, Job, Lease, Provider};

use super::places::Place;
use super::{Books, Change, calls, changes, flow, signed};

/// A transaction, with what was before and after it.
struct Payments<'a> {
    before: &'a Books,
    after: &'a Books,
    instructions: &'a [Instruction],
}

impl Books {
    pub(super) fn check_payments(&self, after: &Self, instructions: &[Instruction]) {
        let tokens = |books: &'_ Self| -> Vec<_> {
            books.ledger.tokens.iter().map(|(address, amount)| (*address, amount.0)).collect()
        };
        let changes = changes(tokens(self).into_iter(), tokens(after).into_iter());
        if changes.is_empty() {
            return;
        }
        let payments = Payments { before: self, after, instructions };
        let named: BTreeSet<_> = instructions.iter().flat_map(|one| &one.accounts).map(|meta| meta.pubkey).collect();
        for (address, before, now) in &changes {
            assert!(named.contains(address), "the tokens of {address} changed, and no instruction names it");
            let owner = payments.place(address).map(Place::owner);
            let paid_by_owner = now >= before || owner.is_some_and(|owner| named.contains(owner));
            assert!(paid_by_owner, "{address} paid, and {owner:?} is not named");
        }
        let places: Vec<_> = named.iter().filter_map(|address| Some((address, payments.place(address)?))).collect();
        let limit = |from| places.iter().map(|to| payments.limit(from, *to)).collect();
        let limits: Vec<Vec<_>> = places.iter().map(|from| limit(*from)).collect();
        let amounts = |amount: fn(&Change) -> u64| -> Vec<_> {
            let at = |address: &Pubkey| changes.iter().find(|(changed, ..)| changed == address).map_or(0, amount);
            places.iter().map(|(address, _)| at(address)).collect()
        };
        let losses = amounts(|(_, before, now)| before.saturating_sub(*now));
        let gains = amounts(|(_, before, now)| now.saturating_sub(*before));
        let moved: u64 = changes.iter().map(|(_, before, now)| before.saturating_sub(*now)).sum();
        let allowed = flow::largest(&losses, &gains, &limits);
        assert_eq!(allowed, moved, "{changes:?} is not what may be paid: {instructions:?}");
    }
}

impl<'a> Payments<'a> {
    fn place(&self, address: &Pubkey) -> Option<Place<'a>> {
        self.before.place(address).or_else(|| self.after.place(address))
    }

    fn signed(&self, key: &Pubkey) -> bool {
        signed(self.instructions, key)
    }

    /// The most that may have gone from one token account to another, in micro-USDC.
    fn limit(&self, (from, payer): (&Pubkey, Place), (to, payee): (&Pubkey, Place)) -> u64 {
        if from == to {
            return 0;
        }
        match payer {
            Place::Job(key, job) => self.job_pays(key, job, payee),
            Place::Stake(key, provider) => self.stake_pays(key, provider, from, payee),
            Place::Earnings(key, provider) => self.earnings_pays(key, provider, from, (to, payee)),
            Place::Balance(key, balance) => self.balance_pays(key, balance, from, payee),
            Place::Purse(owner) => self.purse_pays(owner, payee),
        }
    }

    /// A job pays the providers of its leases, up to what it holds for them; a challenger its own bond
    /// back, or the provider that one; and when it is over its funder.
    fn job_pays(&self, key: &Pubkey, job: &Job, payee: Place) -> u64 {
        let funded = job.funder;
        match payee {
            Place::Earnings(provider, _) => {
                let reserved: u64 = self.leases(key, provider).map(|(_, lease)| lease.reserved).sum();
                let bonds: u64 = self.leases(key, provider).map(|(lease, _)| self.bonds_of(lease)).sum();
                reserved + bonds
            }
            Place::Purse(owner) if job.prepaid == 0 && *owner == funded && self.is_gone(key) => u64::MAX,
            Place::Purse(owner) => self
                .disputes_ended(key)
                .filter(|dispute| dispute.challenger == *owner)
                .map(|dispute| dispute.bond)
                .sum(),
            Place::Balance(balance, _) if job.prepaid != 0 && *balance == funded && self.is_gone(key) => u64::MAX,
            _ => 0,
        }
    }

    /// A stake pays for what its provider's leases broke, up to their bonds and to what is booked as
    /// slashed, and otherwise nobody but the owner, who signs.
    fn stake_pays(&self, key: &Pubkey, provider: &Provider, vault: &Pubkey, payee: Place) -> u64 {
        let slashed = |bonds: u64| match self.after.ledger.providers.get(key) {
            Some(after) => bonds.min(after.slashed - provider.slashed),
            None => 0,
        };
        match payee {
            Place::Job(job, _) => slashed(self.leases(job, key).map(|(_, lease)| lease.bond).sum()),
            Place::Earnings(own, _) if own == key => {
                let leases = self.before.ledger.leases.values().filter(|lease| lease.provider == *key);
                slashed(leases.map(|lease| lease.bond).sum())
            }
            Place::Purse(owner) if *owner == provider.owner && self.signed(owner) => {
                match self.after.ledger.providers.get(key) {
                    Some(after) => after.stake_withdrawn - provider.stake_withdrawn,
                    None => self.beside(vault),
                }
            }
            _ => 0,
        }
    }

    /// Earnings pay the treasury what was swept, and whoever is the payout owner now what was withdrawn.
    fn earnings_pays(&self, key: &Pubkey, provider: &Provider, vault: &Pubkey, (to, payee): (&Pubkey, Place)) -> u64 {
        let Some(after) = self.after.ledger.providers.get(key) else {
            let owners = *payee.owner() == provider.owner && self.signed(&provider.owner);
            return if owners { self.beside(vault) } else { 0 };
        };
        let swept = if *to == self.before.config.treasury { after.earnings_swept - provider.earnings_swept } else { 0 };
        let current = Pubkey::new_from_array(provider.payout().current(self.after.now).0);
        let entitled = *payee.owner() == current && (self.signed(&provider.owner) || self.signed(&current));
        let withdrawn = if entitled { after.earnings_withdrawn - provider.earnings_withdrawn } else { 0 };
        swept + withdrawn
    }

    /// A balance pays its owner, who signs, and its own jobs: for the owner, or for a delegate within the
    /// allowance.
    fn balance_pays(&self, key: &Pubkey, balance: &Buyer, vault: &Pubkey, payee: Place) -> u64 {
        let owner = self.signed(&balance.owner);
        let Some(after) = self.after.ledger.balances.get(key) else {
            let owners = matches!(payee, Place::Purse(purse) if *purse == balance.owner && owner);
            return if owners { self.beside(vault) } else { 0 };
        };
        match payee {
            Place::Purse(purse) if *purse == balance.owner && owner => after.withdrawn - balance.withdrawn,
            Place::Job(_, job) if job.prepaid != 0 && job.funder == *key => {
                let spent = after.spent - balance.spent;
                if owner { spent } else { spent.min(self.drawn(key)) }
            }
            _ => 0,
        }
    }

    /// A wallet pays only where its owner signs: into its own stake, anybody's balance, the jobs that it
    /// funds and the disputes that it opens; and by a transfer wherever it likes.
    fn purse_pays(&self, owner: &Pubkey, payee: Place) -> u64 {
        let challenges = |job: &Pubkey| {
            let mut disputes = self.after.ledger.disputes.values();
            disputes.any(|dispute| dispute.job == *job && dispute.challenger == *owner)
        };
        let may = match payee {
            Place::Stake(_, provider) => provider.owner == *owner,
            Place::Balance(..) => true,
            Place::Job(key, job) => (job.prepaid == 0 && job.funder == *owner) || challenges(key),
            Place::Earnings(..) | Place::Purse(_) => false,
        };
        let transfers = calls(self.instructions, &anchor_spl::token::ID);
        if self.signed(owner) && (may || transfers) { u64::MAX } else { 0 }
    }

    fn is_gone(&self, job: &Pubkey) -> bool {
        !self.after.ledger.jobs.contains_key(job)
    }

    fn beside(&self, vault: &Pubkey) -> u64 {
        self.before.strangers.get(vault).map_or(0, |amount| amount.0)
    }

    fn leases(&self, job: &Pubkey, provider: &Pubkey) -> impl Iterator<Item = (&'a Pubkey, &'a Lease)> {
        let leases = self.before.ledger.leases.iter();
        leases.filter(move |(_, lease)| lease.job == *job && lease.provider == *provider)
    }

    /// Disputes of the job that this transaction ended.
    fn disputes_ended(&self, job: &Pubkey) -> impl Iterator<Item = &'a Dispute> {
        let (before, after) = (&self.before.ledger.disputes, &self.after.ledger.disputes);
        before.iter().filter(move |(key, one)| one.job == *job && !after.contains_key(*key)).map(|(_, one)| one)
    }

    fn bonds_of(&self, lease: &Pubkey) -> u64 {
        let job = self.before.ledger.leases[lease].job;
        self.disputes_ended(&job).filter(|dispute| dispute.lease == *lease).map(|dispute| dispute.bond).sum()
    }

    /// What delegates who sign have drawn from their allowances.
    fn drawn(&self, balance: &Pubkey) -> u64 {
        let before = self.before.ledger.allowances.iter().filter(|(_, one)| one.buyer == *balance);
        let drawn = before.map(|(key, before)| {
            let after = self.after.ledger.allowances.get(key).filter(|_| self.signed(&before.delegate));
            after.map_or(0, |after| after.spent - before.spent)
        });
        drawn.sum()
    }
}
