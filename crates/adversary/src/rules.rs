//! The rules that hold always (`docs/protocol.md`), held against the chain after each attempt.

mod authority;
mod flow;
mod payments;
mod places;
mod rent;
mod strangers;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use millrace_testkit::program::state::Config;
use millrace_testkit::protocol::{MicroUsdc, UnixSeconds};
use millrace_testkit::{Ledger, Receipt, Refusal};

use crate::market::Market;

/// What the last look showed.
pub struct Books {
    now: UnixSeconds,
    config: Config,
    ledger: Rc<Ledger>,
    lamports: BTreeMap<Pubkey, u64>,
    /// Whose each token account is that is not the program's.
    purses: Rc<BTreeMap<Pubkey, Pubkey>>,
    /// What lies in vaults and is on no ledger: strangers sent it.
    strangers: BTreeMap<Pubkey, MicroUsdc>,
}

impl Books {
    pub fn open(market: &Market) -> Self {
        Self {
            now: market.chain.now(),
            config: market.config,
            ledger: Rc::clone(&market.ledger),
            lamports: market.chain.all_lamports(),
            purses: Rc::clone(&market.purses),
            strangers: strangers::beside(&market.ledger),
        }
    }

    /// Time has passed, and nothing else.
    pub fn look_at_the_clock(&mut self, market: &Market) {
        self.now = market.chain.now();
    }

    /// # Panics
    /// When the program panicked, or a rule is broken.
    pub fn check(&mut self, market: &Market, instructions: &[Instruction], result: Result<Receipt, Refusal>) {
        match result {
            Err(refusal) => assert!(!refusal.is_a_panic(), "the program panicked: {instructions:?}"),
            Ok(_) => {
                let after = Self::open(market);
                self.check_conservation(&after);
                self.check_strangers(&after, instructions);
                self.check_payments(&after, instructions);
                self.check_authority(&after, instructions);
                self.check_rent(market, &after, instructions);
                after.check_nothing_is_orphaned();
                *self = after;
            }
        }
    }

    /// Rule 1: every micro-USDC and every lamport is where the books say, and none is new. Fees are not
    /// charged, so not one lamport may go either.
    fn check_conservation(&self, after: &Self) {
        let sum = |books: &Self| books.lamports.values().map(|amount| u128::from(*amount)).sum::<u128>();
        assert_eq!(sum(after), sum(self), "lamports were made or lost");
        assert_eq!(after.ledger.supply(), self.ledger.supply(), "tokens were made or lost");
        after.ledger.check_beside(&after.strangers);
    }

    /// What belongs to something goes before it or with it, so that nothing is left behind.
    fn check_nothing_is_orphaned(&self) {
        let Ledger { jobs, leases, disputes, quorums, nodes, providers, balances, allowances, .. } = &*self.ledger;
        for (lease, state) in leases {
            let whole = jobs.contains_key(&state.job) && providers.contains_key(&state.provider);
            assert!(whole, "the lease {lease} is left behind");
            assert!(state.state > 1 || nodes.contains_key(&state.node), "the node of the live lease {lease} is gone");
        }
        for (dispute, state) in disputes {
            assert!(leases.contains_key(&state.lease), "the dispute {dispute} is left behind");
        }
        for (quorum, state) in quorums {
            assert!(jobs.contains_key(&state.job), "the round {quorum} is left behind");
        }
        for (node, state) in nodes {
            assert!(providers.contains_key(&state.provider), "the node {node} is left behind");
        }
        for (job, state) in jobs {
            let funded = state.prepaid == 0 || balances.contains_key(&state.funder);
            assert!(funded, "the job {job} cannot be refunded");
        }
        for (allowance, state) in allowances {
            assert!(balances.contains_key(&state.buyer), "the allowance {allowance} is left behind");
        }
    }

    /// Rule 5: the same once more changes nothing.
    pub fn check_replay(&mut self, market: &mut Market, instructions: &[Instruction]) {
        let before = (market.chain.everything(), market.chain.all_lamports());
        let result = market.send(instructions);
        let after = (market.chain.everything(), market.chain.all_lamports());
        assert!(before == after, "the same once more changed something: {instructions:?}");
        self.check(market, instructions, result);
    }
}

fn signed(instructions: &[Instruction], key: &Pubkey) -> bool {
    instructions.iter().flat_map(|one| &one.accounts).any(|meta| meta.is_signer && meta.pubkey == *key)
}

fn calls(instructions: &[Instruction], program: &Pubkey) -> bool {
    instructions.iter().any(|one| one.program_id == *program)
}

/// What is at an address, before and after.
type Change = (Pubkey, u64, u64);

/// Where two looks differ; both in the order of addresses, one pass over both.
fn changes(before: impl Iterator<Item = (Pubkey, u64)>, after: impl Iterator<Item = (Pubkey, u64)>) -> Vec<Change> {
    let (mut before, mut after) = (before.peekable(), after.peekable());
    let mut changes = Vec::new();
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => break changes,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = if order.is_le() { before.next() } else { None };
        let new = if order.is_ge() { after.next() } else { None };
        let amount = |entry: Option<(Pubkey, u64)>| entry.map_or(0, |(_, amount)| amount);
        if let Some((address, _)) = old.or(new).filter(|_| amount(old) != amount(new)) {
            changes.push((address, amount(old), amount(new)));
        }
    }
}
