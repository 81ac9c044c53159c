//! What disputes and counts of results do to a job.

use millrace::events;
use millrace_protocol::quorum::Verdict;
use millrace_protocol::{Address, MicroUsdc, UnixSeconds};

use super::{JobEvent, read};
use crate::address::address;

impl JobEvent {
    pub(super) fn decode_dispute(bytes: &[u8]) -> Option<(Address, Self)> {
        let event = read::<events::DisputeOpened>(bytes)?;
        let opened = Self::DisputeOpened {
            lease: address(event.lease),
            challenger: address(event.challenger),
            evidence_hash: event.evidence_hash,
            bond: MicroUsdc(event.bond),
            vault_before: MicroUsdc(event.vault_before),
            vault_after: MicroUsdc(event.vault_after),
            decide_by: UnixSeconds(event.decide_by),
            at: UnixSeconds(event.at),
        };
        Some((address(event.job), opened))
    }

    pub(super) fn decode_round(bytes: &[u8]) -> Option<(Address, Self)> {
        if let Some(event) = read::<events::QuorumOpened>(bytes) {
            let opened = Self::QuorumOpened { round: event.round, at: UnixSeconds(event.at) };
            return Some((address(event.job), opened));
        }
        if let Some(event) = read::<events::ResultCommitted>(bytes) {
            let (lease, round, at) = (address(event.lease), event.round, UnixSeconds(event.at));
            return Some((address(event.job), Self::ResultCommitted { lease, round, at }));
        }
        if let Some(event) = read::<events::ResultRevealed>(bytes) {
            let (lease, round, at) = (address(event.lease), event.round, UnixSeconds(event.at));
            return Some((address(event.job), Self::ResultRevealed { lease, round, root: event.root, at }));
        }
        if let Some(event) = read::<events::QuorumTallied>(bytes) {
            let decided = Verdict::try_from(event.verdict).ok()? == Verdict::Decided;
            let winner = decided.then_some(event.winner);
            let tallied = Self::QuorumTallied { round: event.round, winner, at: UnixSeconds(event.at) };
            return Some((address(event.job), tallied));
        }
        let event = read::<events::QuorumClosed>(bytes)?;
        Some((address(event.job), Self::QuorumClosed { round: event.round, at: UnixSeconds(event.at) }))
    }
}
