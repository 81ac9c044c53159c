use millrace_protocol::{Error, Ruling, transitions};

use crate::{Account, DisputeEntry, Done, Market, Refusal};

impl Market {
    /// By the buyer, from its own wallet.
    pub(super) fn open_dispute(&mut self, lease: usize) -> Result<Done, Refusal> {
        let entry = self.leases[lease];
        if entry.settled {
            return Err(Refusal::Gone);
        }
        let (mut job, mut rules) = (self.jobs[entry.job].rules, entry.rules);
        let before = (job, rules);
        let opened = transitions::open_dispute(&mut job, &mut rules, &self.parameters, self.now);
        let dispute = opened.inspect_err(|error| {
            assert_eq!((job, rules), before, "refused with {error:?} and changed something");
        })?;
        let challenger = Account::Wallet(self.jobs[entry.job].buyer);
        if self.vaults.balance(challenger) < dispute.bond {
            return Err(Refusal::Broke);
        }
        self.vaults.transfer(challenger, Account::Job(entry.job), dispute.bond);
        (self.jobs[entry.job].rules, self.leases[lease].rules) = (job, rules);
        self.disputes.push(DisputeEntry { lease, challenger, rules: dispute, over: false });
        Ok(Done { amount: dispute.bond, ..Done::default() })
    }

    pub(super) fn resolve_dispute(&mut self, dispute: usize, ruling: Ruling) -> Result<Done, Refusal> {
        let (entry, now) = (self.disputes[dispute], self.now);
        let done = self.on_lease(entry.lease, |job, lease, _, provider| {
            transitions::resolve_dispute(job, lease, provider, &entry.rules, ruling, now)
        })?;
        self.end_dispute(dispute, done)
    }

    pub(super) fn expire_dispute(&mut self, dispute: usize) -> Result<Done, Refusal> {
        let (entry, now) = (self.disputes[dispute], self.now);
        let done = self.on_lease(entry.lease, |job, lease, _, provider| {
            transitions::expire_dispute(job, lease, provider, &entry.rules, now)
        })?;
        self.end_dispute(dispute, done)
    }

    fn end_dispute(&mut self, dispute: usize, done: Done) -> Result<Done, Refusal> {
        let entry = self.disputes[dispute];
        let moved = done.movements.challenger_refund.plus(done.movements.challenger_forfeit);
        assert_eq!(moved, Ok::<_, Error>(entry.rules.bond), "the challenger's bond goes one way, whole");
        let job = Account::Job(self.leases[entry.lease].job);
        self.vaults.transfer(job, entry.challenger, done.movements.challenger_refund);
        self.disputes[dispute].over = true;
        Ok(done)
    }
}
