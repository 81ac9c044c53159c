use millrace_protocol::{Address, JobState};

use crate::backoff::Backoff;
use crate::event::{OpenFailure, Transaction};
use crate::state::check::Finding;
use crate::state::job::Crank;
use crate::state::task::Cause;
use crate::{Core, Now};

/// Milliseconds a node that refused an offer is left alone by the job.
const REST_AFTER_REFUSAL: u64 = 30_000;
/// Milliseconds a node is left alone after its lease could not be opened.
const REST_AFTER_FAILURE: u64 = 5_000;
/// Milliseconds for the chain's new state to be read after a confirmed transaction.
const CATCH_UP: u64 = 5_000;
/// Before a failed transaction is sent again.
const RETRY: Backoff = Backoff { first: 1_000, longest: 60_000 };

impl Core {
    pub(crate) fn on_offer_failed(&mut self, now: Now, job: Address, offer: u64, failure: OpenFailure) {
        let cause = match failure {
            OpenFailure::Refused(cause) => Some(cause),
            OpenFailure::Unanswered => None,
        };
        self.drop_offer(now, job, offer, REST_AFTER_REFUSAL, cause);
    }

    pub(crate) fn on_transaction_done(&mut self, now: Now, transaction: Transaction, signature: String) {
        let caught_up = Crank { in_flight: false, again_at: now.millis + CATCH_UP, failures: 0 };
        match transaction {
            Transaction::OpenLease { job, offer } => {
                let pending = self.jobs.get_mut(&job).and_then(|entry| entry.offer.as_mut());
                if let Some(pending) = pending.filter(|pending| pending.offer.offer == offer) {
                    pending.until = now.millis + CATCH_UP;
                }
            }
            Transaction::ExtendLease { lease } => self.on_lease_extended(now, lease),
            Transaction::Settle { lease, sequence } => {
                if let Some(entry) = self.leases.get_mut(&lease) {
                    entry.crank = Crank::default();
                    if let Some(job) = self.jobs.get(&entry.view.job) {
                        entry.book_final_voucher(sequence, &job.view.job);
                    }
                    entry.view.lease.sequence = entry.view.lease.sequence.max(sequence);
                    entry.settlements.push(signature);
                    self.touch_lease(lease);
                }
            }
            Transaction::NoticePreemption { lease } => self.note_notice(lease, |_| caught_up),
            Transaction::OpenDispute { lease } => {
                if let Some(entry) = self.leases.get_mut(&lease) {
                    entry.crank = caught_up;
                }
                self.note_dispute(lease, |finding| {
                    finding.dispute = Some(signature.clone());
                    finding.trouble = None;
                });
            }
            Transaction::ExpireLease { lease }
            | Transaction::FinalizeLease { lease }
            | Transaction::SettleMember { lease }
            | Transaction::ExpireDispute { lease } => {
                self.book_end(lease);
                if let Some(entry) = self.leases.get_mut(&lease) {
                    entry.crank = caught_up;
                    entry.settlements.push(signature);
                    self.touch_lease(lease);
                }
            }
            Transaction::TallyQuorum { job } | Transaction::CloseQuorum { job } => {
                if let Some(round) = self.rounds.get_mut(&job) {
                    round.crank = caught_up;
                }
            }
            Transaction::ExpireJob { job } => {
                if let Some(entry) = self.jobs.get_mut(&job) {
                    let seen = entry.view.job.state == JobState::Expired;
                    entry.crank = if seen { Crank::default() } else { caught_up };
                }
            }
            Transaction::AttestNode { node } => {
                if let Some(proof) = self.proofs.get_mut(&node) {
                    proof.crank = caught_up;
                }
            }
            Transaction::CloseJob { job } => {
                // Another job may have come to the address since.
                if let Some(entry) = self.jobs.get_mut(&job).filter(|entry| entry.crank.in_flight) {
                    entry.crank = Crank::default();
                    entry.story_mut().closed_by = Some(signature);
                    self.close_entry(now, job);
                }
            }
        }
    }

    pub(crate) fn on_transaction_failed(&mut self, now: Now, transaction: Transaction, cause: Cause) {
        match transaction {
            Transaction::OpenLease { job, offer } => self.drop_offer(now, job, offer, REST_AFTER_FAILURE, Some(cause)),
            Transaction::ExtendLease { lease } => self.on_lease_not_extended(now, lease),
            Transaction::NoticePreemption { lease } => self.note_notice(lease, |crank| backoff(now, crank)),
            Transaction::OpenDispute { lease } => {
                if let Some(entry) = self.leases.get_mut(&lease) {
                    entry.crank = backoff(now, entry.crank);
                }
                self.note_dispute(lease, |finding| finding.trouble = Some(cause.clone()));
            }
            Transaction::Settle { lease, .. }
            | Transaction::ExpireLease { lease }
            | Transaction::FinalizeLease { lease }
            | Transaction::SettleMember { lease }
            | Transaction::ExpireDispute { lease } => {
                if let Some(entry) = self.leases.get_mut(&lease) {
                    entry.crank = backoff(now, entry.crank);
                }
            }
            Transaction::AttestNode { node } => {
                if let Some(proof) = self.proofs.get_mut(&node) {
                    proof.crank = backoff(now, proof.crank);
                }
            }
            Transaction::TallyQuorum { job } | Transaction::CloseQuorum { job } => {
                if let Some(round) = self.rounds.get_mut(&job) {
                    round.crank = backoff(now, round.crank);
                }
            }
            Transaction::ExpireJob { job } | Transaction::CloseJob { job } => {
                if let Some(entry) = self.jobs.get_mut(&job) {
                    entry.crank = backoff(now, entry.crank);
                }
            }
        }
    }

    /// What became of the dispute that the lease's evidence was for.
    fn note_dispute(&mut self, lease: Address, note: impl Fn(&mut Finding)) {
        let Some(job) = self.leases.get(&lease).map(|entry| entry.view.job) else { return };
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let findings = entry.story_mut().findings.iter_mut();
        findings.filter(|finding| finding.first.lease == lease && finding.evidence.is_some()).for_each(note);
        self.touch_job(job);
    }

    fn drop_offer(&mut self, now: Now, job: Address, offer: u64, rest: u64, cause: Option<Cause>) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let Some(pending) = entry.offer.as_deref().copied().filter(|pending| pending.offer.offer == offer) else {
            return;
        };
        entry.story_mut().decisions.remove(&pending.offer.number);
        entry.story_mut().resting.insert(pending.offer.node, now.millis + rest);
        self.note_failed_award(&pending.offer, cause.as_ref());
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if cause.is_some() {
            entry.story_mut().last_failure = cause;
            self.touch_job(job);
        }
        self.set_offer(now, job, None);
    }
}

fn backoff(now: Now, crank: Crank) -> Crank {
    let again_at = now.millis + RETRY.after(crank.failures);
    Crank { in_flight: false, again_at, failures: crank.failures.saturating_add(1) }
}
