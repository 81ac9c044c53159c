//! Rule 3: nothing waits on one key.

use millrace_protocol::{MicroUsdc, Seconds};

use crate::{Action, Market};

/// Longer than every deadline that the market can have set.
const LONG: Seconds = Seconds(100 * 86_400);

impl Market {
    /// Only cranks that anybody may send, and time, until no job, lease, round or dispute is left; then
    /// owners take out what is theirs.
    ///
    /// # Panics
    /// When something stays.
    pub fn everything_comes_out(&mut self) {
        for _ in 0..2 {
            self.advance(LONG);
            self.crank_everything();
        }
        for (number, entry) in self.jobs.iter().enumerate() {
            assert!(entry.refund.is_some(), "job {number} is stuck: {entry:?}");
        }
        for (number, entry) in self.leases.iter().enumerate() {
            assert!(entry.settled, "lease {number} is stuck: {entry:?}");
        }
        assert!(self.rounds.iter().all(|round| round.closed), "a round is stuck");
        assert!(self.disputes.iter().all(|dispute| dispute.over), "a dispute is stuck");
        self.check();
        self.owners_take_everything();
    }

    /// What is not due, or gone already, is refused.
    fn try_to(&mut self, action: Action) {
        let _ = self.act(action);
    }

    fn crank_everything(&mut self) {
        for dispute in 0..self.disputes.len() {
            self.try_to(Action::ExpireDispute { dispute });
        }
        for lease in 0..self.leases.len() {
            self.try_to(Action::ExpireLease { lease });
            self.try_to(Action::FinalizeLease { lease });
        }
        for round in 0..self.rounds.len() {
            self.try_to(Action::Tally { round });
        }
        for lease in 0..self.leases.len() {
            self.try_to(Action::SettleMember { lease });
        }
        for round in 0..self.rounds.len() {
            self.try_to(Action::CloseQuorum { round });
        }
        for job in 0..self.jobs.len() {
            self.try_to(Action::ExpireJob { job });
            self.try_to(Action::CloseJob { job });
        }
        self.check();
    }

    fn owners_take_everything(&mut self) {
        for provider in 0..self.providers.len() {
            self.try_to(Action::WithdrawStake { provider });
            let amount = self.providers[provider].rules.stake.free().unwrap();
            self.try_to(Action::Unbond { provider, amount });
        }
        self.advance(LONG);
        for provider in 0..self.providers.len() {
            self.try_to(Action::WithdrawStake { provider });
            self.try_to(Action::WithdrawEarnings { provider });
            self.try_to(Action::SweepFees { provider });
            let rules = &self.providers[provider].rules;
            assert_eq!(rules.stake.total, MicroUsdc::ZERO, "stake of provider {provider} is stuck");
            assert_eq!(rules.earnings.total(), Ok(MicroUsdc::ZERO), "earnings of provider {provider} are stuck");
        }
        for buyer in 0..self.buyers.len() {
            let amount = self.buyers[buyer].rules.balance;
            self.try_to(Action::WithdrawBalance { buyer, amount });
            assert_eq!(self.buyers[buyer].rules.balance, MicroUsdc::ZERO, "balance of buyer {buyer} is stuck");
        }
        self.check();
    }
}
