//! Rent always goes back to who paid it.

use std::collections::BTreeMap;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use millrace_testkit::Ledger;
use millrace_testkit::program::state::Provider;

use super::{Books, calls, changes, signed};
use crate::market::Market;

impl Books {
    /// Nobody gains lamports but by accounts they paid for, nobody who has not signed loses any, and an
    /// account of the program keeps its lamports until it is closed.
    pub(super) fn check_rent(&self, market: &Market, after: &Self, instructions: &[Instruction]) {
        let lamports = |books: &Self| books.lamports.clone().into_iter();
        let changes = changes(lamports(self), lamports(after));
        let mut due = BTreeMap::<Pubkey, u64>::new();
        for (account, before, now) in &changes {
            if let Some(payer) = self.rent_payer(account).filter(|_| now < before) {
                assert_eq!(*now, 0, "{account} lost lamports and is still there");
                *due.entry(payer).or_default() += before;
            }
        }
        let transfers = calls(instructions, &anchor_lang::system_program::ID);
        for (person, before, now) in changes.iter().filter(|(address, ..)| market.is_person(address)) {
            let due = due.get(person).copied().unwrap_or_default();
            let gain = now.saturating_sub(*before);
            assert!(transfers || gain <= due, "{person} gained {gain} lamports, and {due} of rent were theirs");
            assert!(now >= before || signed(instructions, person), "{person} lost lamports without signing");
        }
    }

    /// Who paid the rent of an account of the program, or of a vault.
    fn rent_payer(&self, account: &Pubkey) -> Option<Pubkey> {
        let Ledger { jobs, leases, disputes, quorums, nodes, providers, balances, allowances, .. } = &*self.ledger;
        let job = || jobs.iter().find(|(key, job)| *key == account || job.job_vault == *account);
        let provider = || {
            let parts = |key, one: &Provider| [key, one.stake_vault, one.earnings_vault];
            providers.iter().find(|(key, one)| parts(**key, one).contains(account))
        };
        let balance = || balances.iter().find(|(key, one)| *key == account || one.buyer_vault == *account);
        None.or_else(|| leases.get(account).map(|lease| lease.rent_payer))
            .or_else(|| disputes.get(account).map(|dispute| dispute.rent_payer))
            .or_else(|| quorums.get(account).map(|round| round.rent_payer))
            .or_else(|| nodes.get(account).map(|node| node.rent_payer))
            .or_else(|| allowances.get(account).map(|allowance| allowance.rent_payer))
            .or_else(|| job().map(|(_, job)| job.rent_payer))
            .or_else(|| provider().map(|(_, provider)| provider.rent_payer))
            .or_else(|| balance().map(|(_, balance)| balance.rent_payer))
    }
}
