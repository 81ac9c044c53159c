//! Money that lies in vaults beside their ledgers. Anyone may send some; nobody but who closes the vault
//! gets it out again.

use std::collections::BTreeMap;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use millrace_testkit::Ledger;
use millrace_testkit::protocol::MicroUsdc;

use super::{Books, calls};

/// What each vault holds beyond its ledger.
///
/// # Panics
/// When a vault holds less.
pub fn beside(ledger: &Ledger) -> BTreeMap<Pubkey, MicroUsdc> {
    let jobs = ledger.jobs.values().map(|job| (job.job_vault, job.rules().unwrap().vault_balance().unwrap()));
    let providers = ledger.providers.values().flat_map(|provider| {
        let rules = provider.rules().unwrap();
        [(provider.stake_vault, rules.stake.total), (provider.earnings_vault, rules.earnings.total().unwrap())]
    });
    let balances = ledger.balances.values().map(|balance| (balance.buyer_vault, MicroUsdc(balance.balance)));
    let all = jobs.chain(providers).chain(balances).filter_map(|(vault, owed)| {
        let held = ledger.tokens.get(&vault).copied().unwrap_or_default();
        assert!(held >= owed, "the vault {vault} holds {held:?} and owes {owed:?}");
        let beside = held.minus(owed).unwrap();
        (beside > MicroUsdc::ZERO).then_some((vault, beside))
    });
    all.collect()
}

impl Books {
    /// What is beside a ledger stays there while the vault does, and comes from one who pays it there on
    /// purpose: by a transfer, or by a payout or a sweep to that very vault.
    pub(super) fn check_strangers(&self, after: &Self, instructions: &[Instruction]) {
        let sent = calls(instructions, &anchor_spl::token::ID);
        let amount = |books: &Self, vault| books.strangers.get(vault).copied().unwrap_or_default();
        for vault in self.strangers.keys().chain(after.strangers.keys()) {
            if !after.ledger.tokens.contains_key(vault) {
                continue;
            }
            let (before, after) = (amount(self, vault), amount(after, vault));
            assert!(after >= before, "the vault {vault} booked what strangers had sent to it");
            let paid_here = self.config.treasury == *vault || self.owner_is_paid_out(vault);
            assert!(after == before || sent || paid_here, "the vault {vault} got what nobody booked");
        }
    }

    /// Whether the vault's owner is whom a provider's earnings go to.
    fn owner_is_paid_out(&self, vault: &Pubkey) -> bool {
        let owner = self.token_owner(vault);
        let mut payouts = self.ledger.providers.values().map(|provider| provider.payout().current(self.now));
        payouts.any(|payout| owner.is_some_and(|owner| owner.to_bytes() == payout.0))
    }
}
