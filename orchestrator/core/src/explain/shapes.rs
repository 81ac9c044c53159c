//! What holds back jobs that are more than tasks one by one.

use std::collections::BTreeSet;

use millrace_protocol::Address;
use millrace_protocol::quorum::{MemberState, Verdict};

use super::{Blocker, exhausted};
use crate::decide::Unplanned;
use crate::market::Demand;
use crate::state::gang::Hold;
use crate::{Core, Now};

impl Core {
    pub(super) fn auction_blocker(&self, now: Now, job: Address) -> Option<Blocker> {
        let auctions = self.auctions.get(&job)?;
        if let Some(open) = &auctions.open {
            let (invited, bids) = (open.invited.len(), open.bids.len());
            return Some(Blocker::AuctionOpen { invited, bids, closes_at: open.closes_at });
        }
        let (failures, again_at) = (auctions.failures, auctions.again_at);
        (now.millis < again_at).then_some(Blocker::AuctionPausing { failures, again_at })
    }

    fn round_blocker(&self, now: Now, job: Address, demand: &Demand) -> Option<Blocker> {
        if let Some(too_few) = self.too_few(now, job, demand, &mut BTreeSet::new()) {
            return Some(Blocker::ProvidersLacking(too_few));
        }
        let round = self.round(job).filter(|round| round.quorum.joined > 0)?;
        let quorum = &round.quorum;
        if quorum.verdict != Verdict::Open {
            return Some(Blocker::RoundCounted { round: round.number, decided: quorum.verdict == Verdict::Decided });
        }
        let revealed = round.count(MemberState::Revealed);
        Some(Blocker::RoundOpen {
            round: round.number,
            size: quorum.size.into(),
            joined: quorum.joined().len() - round.count(MemberState::Gone),
            committed: round.count(MemberState::Committed) + revealed,
            revealed,
            until: quorum.reveal_deadline().unwrap_or(quorum.commit_by),
        })
    }

    pub(super) fn shape_blockers(&self, now: Now, job: Address, demand: &Demand) -> Vec<Blocker> {
        let mut blockers = Vec::new();
        let Some(entry) = self.jobs.get(&job).filter(|entry| entry.working() && self.serves(job)) else {
            return blockers;
        };
        if let Some(first) = self.awaited(entry) {
            blockers.push(Blocker::After { job: first, known: self.jobs.contains_key(&first) });
            return blockers;
        }
        let resting = || entry.story().restarts.iter().filter(|(_, restarted)| now.millis < restarted.again_at);
        let times = resting().map(|(_, restarted)| restarted.times).max();
        let again_at = resting().map(|(_, restarted)| restarted.again_at).min();
        if let (Some(times), Some(again_at)) = (times, again_at) {
            blockers.push(Blocker::Restarting { tasks: resting().count(), times, again_at });
        }
        blockers.extend(self.round_blocker(now, job, demand));
        if !entry.is_gang() {
            return blockers;
        }
        let live = self.open_leases.of_job(job).filter(|lease| self.leases[lease].is_live()).count();
        let gang = entry.gang.as_ref();
        if gang.is_some_and(|gang| gang.assembly.is_some()) {
            blockers.push(Blocker::GangAssembling { joined: live, size: entry.tasks.len() });
        } else if let Some(hold) = gang.and_then(|gang| gang.hold.as_ref()) {
            let (held, size) = (hold.seats.len(), entry.tasks.len());
            let Hold { region, since, until, .. } = *hold;
            blockers.push(Blocker::GangHolding { held, size, region, since, until });
        } else if live > 0 {
            if entry.pending_tasks() > 0 {
                blockers.push(Blocker::GangDisbanding);
            }
        } else if let Some(gang) = gang.filter(|gang| now.millis < gang.again_at) {
            blockers.push(Blocker::GangPausing { failures: gang.failures, again_at: gang.again_at });
        } else {
            match self.plan_gang(now, job, demand, &mut BTreeSet::new()) {
                Some(Err(Unplanned::Nodes(lacking))) => {
                    let waits = gang.and_then(|gang| Some((gang.waits_since?, gang.hold_at)));
                    let (since, kept_from) = waits.unwrap_or((now.millis, now.millis));
                    blockers.push(Blocker::GangIncomplete { lacking, since, kept_from });
                }
                Some(Err(Unplanned::Deposit)) => blockers.push(exhausted(entry)),
                Some(Ok(_)) | None => {}
            }
        }
        blockers
    }
}
