//! Every state of the market, when it ends by itself, who may end it, and where the money goes.
//!
//! The table is code: [`rows`] matches every state exhaustively, so that a new one does not compile
//! without its row. Each row names the test that proves it one second before its deadline and at it, once
//! over the pure rules and once over the built program; `docs/deadlines.md` is printed from it.

mod job;
mod lease;
mod provider;
mod quorum;

use crate::quorum::{MemberState, Verdict};
use crate::{JobState, LeaseState, Parameters, ProviderStatus, Seconds};

/// Everything that may wait for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Job(JobState),
    Lease(LeaseState),
    /// A member of a quorum's round.
    Member(MemberState),
    /// A quorum's round.
    Round(Verdict),
    Provider(ProviderStatus),
    /// Stake on its way out.
    Unbonding,
    /// What lies in a provider's earnings vault.
    Earnings,
    /// The change of a payout owner.
    Payout,
    /// A node's hardware attestation.
    Attestation,
    /// A buyer's prepaid balance.
    Balance,
    /// A delegate's share of it.
    Allowance,
}

impl Subject {
    /// Every one, by the same numbers that accounts hold.
    pub fn all() -> Vec<Self> {
        let numbers = || 0..=u8::MAX;
        let jobs = numbers().filter_map(|number| JobState::try_from(number).ok()).map(Self::Job);
        let leases = numbers().filter_map(|number| LeaseState::try_from(number).ok()).map(Self::Lease);
        let members = numbers().filter_map(|number| MemberState::try_from(number).ok()).map(Self::Member);
        let rounds = numbers().filter_map(|number| Verdict::try_from(number).ok()).map(Self::Round);
        let providers = numbers().filter_map(|number| ProviderStatus::try_from(number).ok()).map(Self::Provider);
        let others = [Self::Unbonding, Self::Earnings, Self::Payout, Self::Attestation, Self::Balance, Self::Allowance];
        jobs.chain(leases).chain(members).chain(rounds).chain(providers).chain(others).collect()
    }
}

/// When a row's deadline falls.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// The state waits for nobody.
    AtOnce,
    /// So long after `from`, as the admin has set it.
    Parameter { from: &'static str, name: &'static str, length: fn(&Parameters) -> Seconds },
    /// As the buyer, the owner or an attestor has chosen, inside these bounds.
    Chosen { from: &'static str, bounds: &'static str },
    /// Nothing falls due by itself; the text says what ends it.
    By(&'static str),
}

/// One way out of a state.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Name of the test that proves it, in `crates/protocol/src/deadlines/proofs.rs` and in
    /// `tests/program/deadlines/`.
    pub proof: &'static str,
    pub when: When,
    /// What may be done until the second before.
    pub before: &'static str,
    /// Who may act from the deadline on.
    pub who: &'static str,
    pub instruction: &'static str,
    /// The state that follows.
    pub then: &'static str,
    pub money: &'static str,
}

/// The ways out of one state; never none.
pub fn rows(subject: Subject) -> &'static [Row] {
    match subject {
        Subject::Job(state) => job::rows(state),
        Subject::Lease(state) => lease::rows(state),
        Subject::Member(state) => quorum::member(state),
        Subject::Round(verdict) => quorum::round(verdict),
        Subject::Provider(status) => provider::status(status),
        Subject::Unbonding => provider::UNBONDING,
        Subject::Earnings => provider::EARNINGS,
        Subject::Payout => provider::PAYOUT,
        Subject::Attestation => provider::ATTESTATION,
        Subject::Balance => provider::BALANCE,
        Subject::Allowance => provider::ALLOWANCE,
    }
}

#[cfg(test)]
mod document;
#[cfg(test)]
mod proofs;
