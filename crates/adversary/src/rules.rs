//! The rules that hold always (`docs/protocol.md`), held against the chain after each attempt.

use std::collections::BTreeMap;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use millrace_testkit::protocol::MicroUsdc;
use millrace_testkit::{Ledger, Receipt, Refusal};

use crate::market::Market;

/// What a life began with, and what the last look showed.
pub struct Books {
    /// All lamports. Fees are not charged, so not one may go.
    lamports: u128,
    supply: u128,
    stranger: u64,
    /// Whether the stranger ever bought or sold; then gains are its own.
    takes_part: bool,
    before: BTreeMap<Pubkey, MicroUsdc>,
    /// Whose each vault is.
    vaults: BTreeMap<Pubkey, Pubkey>,
}

impl Books {
    pub fn open(market: &mut Market) -> Self {
        Self {
            lamports: market.chain.all_lamports(),
            supply: market.ledger.supply(),
            stranger: strangers_tokens(market),
            takes_part: false,
            before: market.ledger.tokens.clone(),
            vaults: market.vaults(),
        }
    }

    /// # Panics
    /// When the program panicked, or a rule is broken.
    pub fn check(&mut self, market: &mut Market, instructions: &[Instruction], result: Result<Receipt, Refusal>) {
        match result {
            Err(refusal) => assert!(!refusal.is_a_panic(), "the program panicked: {instructions:?}"),
            Ok(_) => {
                self.check_conservation(market);
                self.check_vaults(market, instructions);
                self.check_stranger(market);
                self.before.clone_from(&market.ledger.tokens);
                self.vaults = market.vaults();
            }
        }
    }

    /// Rule 1: every micro-USDC and every lamport is where the books say, and none is new.
    fn check_conservation(&self, market: &Market) {
        assert_eq!(market.chain.all_lamports(), self.lamports, "lamports were made or lost");
        assert_eq!(market.ledger.supply(), self.supply, "tokens were made or lost");
        market.ledger.check();
    }

    /// Rules 2 and 4: a vault pays in transactions that name whose it is, and of jobs one pays at most.
    fn check_vaults(&self, market: &Market, instructions: &[Instruction]) {
        let named = |key: &Pubkey| instructions.iter().flat_map(|one| &one.accounts).any(|meta| meta.pubkey == *key);
        let paid = self.vaults.iter().filter(|(vault, _)| {
            let (before, after) = (self.before.get(vault), market.ledger.tokens.get(vault));
            before.is_some() && after < before
        });
        let mut jobs = 0;
        for (vault, owner) in paid {
            assert!(named(owner), "the vault {vault} of {owner} paid for something else");
            jobs += usize::from(!market.ledger.providers.contains_key(owner));
        }
        assert!(jobs <= instructions.len(), "more vaults paid than there were instructions");
    }

    /// Who has no part in the market gains nothing by it.
    fn check_stranger(&mut self, market: &Market) {
        let stranger = market.stranger.address();
        let Ledger { jobs, providers, .. } = &market.ledger;
        self.takes_part |= jobs.values().any(|job| job.buyer == stranger || job.funder == stranger)
            || providers.values().any(|provider| provider.owner == stranger);
        let has = strangers_tokens(market);
        assert!(self.takes_part || has <= self.stranger, "the stranger gained {}", has - self.stranger);
    }

    /// Rule 5: the same once more changes nothing.
    pub fn check_replay(&mut self, market: &mut Market, instructions: &[Instruction]) {
        let before = market.chain.everything();
        let result = market.send(instructions);
        assert!(before == market.chain.everything(), "the same once more changed something: {instructions:?}");
        self.check(market, instructions, result);
    }
}

fn strangers_tokens(market: &Market) -> u64 {
    market.strangers_tokens.iter().filter_map(|address| market.ledger.tokens.get(address)).map(|amount| amount.0).sum()
}
