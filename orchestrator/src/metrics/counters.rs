use std::time::Duration;

use millrace_scheduler::{Action, ChallengeResult, Event, Notice, OpenFailure, Transaction};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

/// From 16 µs to 4 s, by four.
const DECISION: [f64; 10] = [16e-6, 64e-6, 256e-6, 1e-3, 4e-3, 16e-3, 64e-3, 256e-3, 1.0, 4.0];
/// From 1 ms, which a fast disk takes, to 4 s.
const WRITE: [f64; 7] = [1e-3, 4e-3, 16e-3, 64e-3, 256e-3, 1.0, 4.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Outcome {
    pub outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Kind {
    pub kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Failure {
    pub kind: &'static str,
    pub code: String,
}

/// What has happened since the start. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    pub(super) connections: Counter,
    pub(super) offers: Family<Outcome, Counter>,
    pub(super) vouchers: Counter,
    pub(super) landed: Family<Kind, Counter>,
    pub(super) failed: Family<Failure, Counter>,
    pub(super) challenges: Family<Outcome, Counter>,
    pub(super) checks: Family<Outcome, Counter>,
    pub(super) decisions: Histogram,
    pub(super) writes: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            connections: Counter::default(),
            offers: Family::default(),
            vouchers: Counter::default(),
            landed: Family::default(),
            failed: Family::default(),
            challenges: Family::default(),
            checks: Family::default(),
            decisions: Histogram::new(DECISION),
            writes: Histogram::new(WRITE),
        }
    }
}

impl Counters {
    /// Something that the scheduler is told.
    pub fn seen(&self, event: &Event) {
        match event {
            Event::WorkerConnected { .. } => {
                self.connections.inc();
            }
            Event::OfferFailed { failure, .. } => {
                let outcome = match failure {
                    OpenFailure::Refused(_) => "refused",
                    OpenFailure::Unanswered => "unanswered",
                };
                self.offers.get_or_create(&Outcome { outcome }).inc();
            }
            Event::ChallengeEnded { result, .. } => {
                let outcome = match result {
                    ChallengeResult::Shown(_) => "shown",
                    ChallengeResult::Refused(_) => "refused",
                    ChallengeResult::GivenUp => "given-up",
                };
                self.challenges.get_or_create(&Outcome { outcome }).inc();
            }
            Event::TransactionDone { transaction, .. } => {
                if let Transaction::OpenLease { .. } = transaction {
                    self.offers.get_or_create(&Outcome { outcome: "opened" }).inc();
                }
                self.landed.get_or_create(&Kind { kind: kind(transaction) }).inc();
            }
            Event::TransactionFailed { transaction, cause } => {
                if let Transaction::OpenLease { .. } = transaction {
                    self.offers.get_or_create(&Outcome { outcome: "failed" }).inc();
                }
                self.failed.get_or_create(&Failure { kind: kind(transaction), code: cause.code.clone() }).inc();
            }
            _ => {}
        }
    }

    /// How long the scheduler took to decide what follows from an event.
    pub fn decided(&self, took: Duration) {
        self.decisions.observe(took.as_secs_f64());
    }

    /// Something that the scheduler wants done.
    pub fn acted(&self, action: &Action) {
        let compared = match action {
            Action::IssueVoucher { .. } => {
                self.vouchers.inc();
                return;
            }
            Action::Notice(Notice::ResultsDiffer { .. }) => "different",
            Action::Notice(Notice::ResultsEqual { .. }) => "equal",
            Action::Notice(Notice::CheckLapsed { .. }) => "lapsed",
            _ => return,
        };
        self.checks.get_or_create(&Outcome { outcome: compared }).inc();
    }

    /// How long records took until they were on the disk.
    pub fn wrote(&self, took: Duration) {
        self.writes.observe(took.as_secs_f64());
    }
}

fn kind(transaction: &Transaction) -> &'static str {
    match transaction {
        Transaction::OpenLease { .. } => "open-lease",
        Transaction::ExtendLease { .. } => "extend-lease",
        Transaction::Settle { .. } => "settle",
        Transaction::NoticePreemption { .. } => "notice-preemption",
        Transaction::ExpireLease { .. } => "expire-lease",
        Transaction::FinalizeLease { .. } => "finalize-lease",
        Transaction::OpenDispute { .. } => "open-dispute",
        Transaction::ExpireDispute { .. } => "expire-dispute",
        Transaction::TallyQuorum { .. } => "tally-quorum",
        Transaction::SettleMember { .. } => "settle-member",
        Transaction::CloseQuorum { .. } => "close-quorum",
        Transaction::ExpireJob { .. } => "expire-job",
        Transaction::CloseJob { .. } => "close-job",
        Transaction::AttestNode { .. } => "attest-node",
    }
}
