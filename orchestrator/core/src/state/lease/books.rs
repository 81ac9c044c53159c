//! What a lease was paid in the end: its account is gone before anybody could read it.

use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Error, Job, Lease, LeaseOutcome, LeaseState, MicroUsdc, Payment, Seconds, money};

use super::LeaseEntry;
use crate::bisection::greatest;
use crate::decide::is_result;

impl LeaseEntry {
    /// Books the voucher with this sequence, if it has ended the lease for good. One whose report may be
    /// disputed has an account that tells.
    pub(crate) fn book_final_voucher(&mut self, sequence: u64, job: &Job) {
        let Some(voucher) = self.final_voucher().copied() else { return };
        if voucher.sequence != sequence || self.view.lease.sequence >= sequence {
            return;
        }
        let terms = &job.terms;
        let waits = match terms.verification.is_quorum() {
            true => is_result(voucher.exit_class),
            false => voucher.exit_class != ExitClass::NodeFault && terms.dispute_window > Seconds::ZERO,
        };
        if waits {
            return;
        }
        if let Some(owed) = self.owed_by_final_voucher(job)
            && self.book(Ok(owed)).is_ok()
        {
            self.view.lease.metered = voucher.metered;
        }
    }

    /// Whether its last payment is not in these books yet: it still has money reserved.
    pub(crate) fn is_unbooked(&self) -> bool {
        self.view.lease.reserved > MicroUsdc::ZERO
    }

    /// What its final voucher entitles it to in all, where nobody disputes the report.
    pub(crate) fn owed_by_final_voucher(&self, job: &Job) -> Option<MicroUsdc> {
        let voucher = self.final_voucher()?;
        let left_round =
            job.terms.verification.is_quorum() && !is_result(voucher.exit_class) && !self.view.lease.was_sent_away(job);
        let resultless = voucher.exit_class == ExitClass::NodeFault || left_round;
        let lease = Lease { metered: voucher.metered, ..self.view.lease };
        match job.terms.payment {
            Payment::OnResult if resultless => Some(lease.paid),
            _ => lease.owed(job).ok(),
        }
    }

    /// Books what the job's ledger says of it: the whole payment, however the lease ended.
    pub(crate) fn book_paid(&mut self, paid: MicroUsdc, job: &Job) {
        if self.owed_by_final_voucher(job) == Some(paid)
            && let Some(voucher) = self.final_voucher()
        {
            self.view.lease.metered = voucher.metered;
        }
        // What the protocol refuses to compute it has not paid either.
        let _ = self.book(Ok(paid));
    }

    /// Books what the count of its round made of the lease, as [`millrace_protocol::transitions::settle_member`] does.
    pub(crate) fn book_count(&mut self, outcome: LeaseOutcome, job: &Job) {
        if self.view.lease.state != LeaseState::Reported || !self.is_unbooked() {
            return;
        }
        let unpaid = match outcome {
            LeaseOutcome::Completed => false,
            LeaseOutcome::NoQuorum => !job.is_cancelled(),
            _ => true,
        };
        let owed = if unpaid { Ok(self.view.lease.paid) } else { self.view.lease.owed(job) };
        // What the protocol refuses to compute it has not paid either.
        let _ = self.book(owed);
    }

    /// Books that the lease was settled as reported, or ended by its deadline. What a ruling or a count
    /// made of it only the job's ledger says.
    pub(crate) fn book_end(&mut self, job: &Job) {
        if !self.is_unbooked() {
            return;
        }
        if let Some(owed) = self.owed_at_the_end(job) {
            // What the protocol refuses to compute it has not paid either.
            let _ = self.book(owed);
        }
    }

    /// What it is paid in all where it is settled as reported, or ends by its deadline.
    fn owed_at_the_end(&self, job: &Job) -> Option<Result<MicroUsdc, Error>> {
        let lease = &self.view.lease;
        match lease.state {
            LeaseState::Reported if !job.terms.verification.is_quorum() => Some(lease.owed(job)),
            LeaseState::Reported | LeaseState::Disputed => None,
            LeaseState::Assigned | LeaseState::Running => {
                Some(lease.deadline(job).and_then(|(_, outcome)| lease.owed_without_report(outcome, job)))
            }
        }
    }

    /// What it may have been paid in all, the likeliest first: by its final voucher, or by its deadline, which
    /// may land in the same slot and before it.
    pub(crate) fn possible_payments(&self, job: &Job) -> Vec<MicroUsdc> {
        let by_voucher = self.owed_by_final_voucher(job);
        let mut ways: Vec<_> = by_voucher.into_iter().chain(self.owed_at_the_end(job).and_then(Result::ok)).collect();
        ways.dedup();
        ways
    }

    /// The same, and for one that was disputed what a ruling makes of it: as reported, nothing more, or half, as
    /// [`millrace_protocol::transitions::resolve_dispute`] has it.
    pub(crate) fn possible_ends(&self, job: &Job) -> Vec<MicroUsdc> {
        let mut ways = self.possible_payments(job);
        if self.view.lease.state == LeaseState::Disputed {
            let (MicroUsdc(paid), MicroUsdc(open)) = (self.view.lease.paid, self.view.lease.reserved);
            ways.extend([open, open / 2, 0].map(|more| MicroUsdc(paid.saturating_add(more))));
        }
        ways.sort_unstable();
        ways.dedup();
        ways
    }

    /// Whether a voucher that was issued after the last one that is known to be redeemed pays this much in all.
    /// Its node may bring any of them to the chain.
    pub(crate) fn may_have_been_paid(&self, paid: MicroUsdc, job: &Job) -> bool {
        let (lease, issued) = (&self.view.lease, self.voucher.map_or(Seconds::ZERO, |voucher| voucher.metered));
        let owed = |more: u64| Lease { metered: Seconds(lease.metered.0 + more), ..*lease }.owed(job).ok();
        // More seconds are never owed less, so the first that are owed so much come after the last that are owed less.
        let further = issued.0.saturating_sub(lease.metered.0);
        owed(greatest(further, |more| owed(more - 1).is_some_and(|owed| owed < paid))) == Some(paid)
    }

    fn book(&mut self, owed: Result<MicroUsdc, Error>) -> Result<(), Error> {
        let lease = &mut self.view.lease;
        let owed = owed?;
        lease.fees = money::share(owed, lease.fee)?;
        lease.paid = owed;
        lease.reserved = MicroUsdc::ZERO;
        Ok(())
    }
}
