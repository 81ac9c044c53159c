//! Rule 3: nothing waits on one key.

use millrace_protocol::{MicroUsdc, Seconds};

use crate::{Action, Market};

/// Longer than every deadline that the market can have set.
const LONG: Seconds = Seconds(100 * 86_400);

impl Market {
    /// Only cranks that anybody may send, and time, until no job, lease, round or dispute is left; then
    /// owners take out what is theirs. `send` carries each action out, here and wherever else it likes.
    ///
    /// # Panics
    /// When something stays.
    pub fn everything_comes_out(&mut self, mut send: impl FnMut(&mut Self, Action)) {
        for _ in 0..2 {
            send(self, Action::Wait(LONG));
            // What is not due, or gone already, is refused.
            self.cranks().into_iter().for_each(|action| send(self, action));
        }
        for (number, entry) in self.jobs.iter().enumerate() {
            assert!(entry.refund.is_some(), "job {number} is stuck: {entry:?}");
        }
        for (number, entry) in self.leases.iter().enumerate() {
            assert!(entry.settled, "lease {number} is stuck: {entry:?}");
        }
        assert!(self.rounds.iter().all(|round| round.closed), "a round is stuck");
        assert!(self.disputes.iter().all(|dispute| dispute.over), "a dispute is stuck");
        self.owners_take_everything(send);
        self.check();
    }

    /// Everything that anybody may send for what is still there.
    fn cranks(&self) -> Vec<Action> {
        let numbers = |all: usize| 0..all;
        let disputes = numbers(self.disputes.len()).filter(|number| !self.disputes[*number].over);
        let leases = || numbers(self.leases.len()).filter(|number| !self.leases[*number].settled);
        let rounds = || numbers(self.rounds.len()).filter(|number| !self.rounds[*number].closed);
        let jobs = || numbers(self.jobs.len()).filter(|number| self.jobs[*number].refund.is_none());
        disputes
            .map(|dispute| Action::ExpireDispute { dispute })
            .chain(leases().map(|lease| Action::ExpireLease { lease }))
            .chain(leases().map(|lease| Action::FinalizeLease { lease }))
            .chain(rounds().map(|round| Action::Tally { round }))
            .chain(leases().map(|lease| Action::SettleMember { lease }))
            .chain(rounds().map(|round| Action::CloseQuorum { round }))
            .chain(jobs().map(|job| Action::ExpireJob { job }))
            .chain(jobs().map(|job| Action::CloseJob { job }))
            .collect()
    }

    fn owners_take_everything(&mut self, mut send: impl FnMut(&mut Self, Action)) {
        for provider in 0..self.providers.len() {
            send(self, Action::WithdrawStake { provider });
            let amount = self.providers[provider].rules.stake.free().unwrap();
            send(self, Action::Unbond { provider, amount });
        }
        send(self, Action::Wait(LONG));
        for provider in 0..self.providers.len() {
            send(self, Action::WithdrawStake { provider });
            send(self, Action::WithdrawEarnings { provider });
            send(self, Action::SweepFees { provider });
            let rules = &self.providers[provider].rules;
            assert_eq!(rules.stake.total, MicroUsdc::ZERO, "stake of provider {provider} is stuck");
            assert_eq!(rules.earnings.total(), Ok(MicroUsdc::ZERO), "earnings of provider {provider} are stuck");
        }
        for buyer in 0..self.buyers.len() {
            let amount = self.buyers[buyer].rules.balance;
            send(self, Action::WithdrawBalance { buyer, amount });
            assert_eq!(self.buyers[buyer].rules.balance, MicroUsdc::ZERO, "balance of buyer {buyer} is stuck");
        }
    }
}
