//! The rules that hold always (`docs/protocol.md`), held against the chain after each attempt.

use std::collections::BTreeMap;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use millrace_testkit::{Receipt, Refusal};

use crate::market::Market;

/// What the last look showed.
pub struct Books {
    supply: u128,
    lamports: BTreeMap<Pubkey, u64>,
    tokens: BTreeMap<Pubkey, u64>,
    /// Whose each vault is, and to whom what leaves it may go.
    vaults: BTreeMap<Pubkey, Vault>,
    /// Who paid for an account, and gets it back when it is closed.
    rent: BTreeMap<Pubkey, Pubkey>,
}

/// A token account of the program's.
#[derive(Clone, Debug)]
pub struct Vault {
    /// The job or provider.
    pub owner: Pubkey,
    pub beneficiary: Pubkey,
}

impl Books {
    pub fn open(market: &Market) -> Self {
        Self {
            supply: market.ledger.supply(),
            lamports: market.chain.all_lamports(),
            tokens: tokens(market),
            vaults: market.vaults(),
            rent: market.rent(),
        }
    }

    /// # Panics
    /// When the program panicked, or a rule is broken.
    pub fn check(&mut self, market: &Market, instructions: &[Instruction], result: Result<Receipt, Refusal>) {
        match result {
            Err(refusal) => assert!(!refusal.is_a_panic(), "the program panicked: {instructions:?}"),
            Ok(_) => {
                let after = Self::open(market);
                self.check_conservation(market, &after);
                self.check_vaults(instructions, &after);
                self.check_purses(market, &after);
                self.check_rent(market, &after);
                *self = after;
            }
        }
    }

    /// Rule 1: every micro-USDC and every lamport is where the books say, and none is new. Fees are not
    /// charged, so not one lamport may go either.
    fn check_conservation(&self, market: &Market, after: &Self) {
        let sum = |books: &Self| books.lamports.values().map(|amount| u128::from(*amount)).sum::<u128>();
        assert_eq!(sum(after), sum(self), "lamports were made or lost");
        assert_eq!(after.supply, self.supply, "tokens were made or lost");
        market.ledger.check();
    }

    /// Rules 2 and 4: a vault pays only in transactions that name whose it is.
    fn check_vaults(&self, instructions: &[Instruction], after: &Self) {
        let named = |key: &Pubkey| instructions.iter().flat_map(|one| &one.accounts).any(|meta| meta.pubkey == *key);
        for (vault, Vault { owner, .. }) in &self.vaults {
            let paid = fell(&self.tokens, &after.tokens, vault);
            assert!(paid == 0 || named(owner), "the vault {vault} of {owner} paid for something else");
        }
    }

    /// Nobody's purse gains but by what left vaults that are there to pay them.
    fn check_purses(&self, market: &Market, after: &Self) {
        let mut due = BTreeMap::<Pubkey, u64>::new();
        for (vault, Vault { beneficiary, .. }) in &self.vaults {
            *due.entry(*beneficiary).or_default() += fell(&self.tokens, &after.tokens, vault);
        }
        let mut gained = BTreeMap::<Pubkey, i128>::new();
        for (purse, owner) in &market.purses {
            let [before, after] =
                [&self.tokens, &after.tokens].map(|tokens| tokens.get(purse).copied().unwrap_or_default());
            *gained.entry(*owner).or_default() += i128::from(after) - i128::from(before);
        }
        for (owner, gain) in gained {
            let due = due.get(&owner).copied().unwrap_or_default();
            assert!(gain <= i128::from(due), "{owner} gained {gain}, and {due} left vaults for it");
        }
    }

    /// Nobody gains lamports but by accounts they paid for.
    fn check_rent(&self, market: &Market, after: &Self) {
        let mut due = BTreeMap::<Pubkey, u64>::new();
        for (account, payer) in &self.rent {
            *due.entry(*payer).or_default() += fell(&self.lamports, &after.lamports, account);
        }
        for person in market.people() {
            let gain = fell(&after.lamports, &self.lamports, &person);
            let due = due.get(&person).copied().unwrap_or_default();
            assert!(gain <= due, "{person} gained {gain} lamports, and {due} of rent were theirs");
        }
    }

    /// Rule 5: the same once more changes nothing.
    pub fn check_replay(&mut self, market: &mut Market, instructions: &[Instruction]) {
        let before = market.chain.everything();
        let result = market.send(instructions);
        assert!(before == market.chain.everything(), "the same once more changed something: {instructions:?}");
        self.check(market, instructions, result);
    }
}

/// How much less there is at an address.
fn fell(before: &BTreeMap<Pubkey, u64>, after: &BTreeMap<Pubkey, u64>, address: &Pubkey) -> u64 {
    let at = |of: &BTreeMap<Pubkey, u64>| of.get(address).copied().unwrap_or_default();
    at(before).saturating_sub(at(after))
}

fn tokens(market: &Market) -> BTreeMap<Pubkey, u64> {
    market.ledger.tokens.iter().map(|(address, amount)| (*address, amount.0)).collect()
}
