mod asker;
mod change;
mod shapes;
mod together;

use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::{Address, JobState, MicroUsdc, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::decide::{affordable, enough_for};
use crate::market::Weights;
use crate::state::job::{JobEntry, SpecStatus};
use crate::state::task::Cause;
use asker::{Asker, Prospect};
pub use change::{Change, Suggestion};

use crate::{Constraint, Core, Decision, Lacking, NotServed, Now, Outcome, Runway, TooFew};

/// Why a job has no node, or fewer than it may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What holds the job back that is no node's doing. Empty where only nodes are lacking.
    pub blockers: Vec<Blocker>,
    pub nodes_total: usize,
    /// Nodes that could take a lease of it now, those that are kept for it included.
    pub nodes_fitting: usize,
    /// Per constraint that speaks against at least one node.
    pub exclusions: BTreeMap<Constraint, Exclusion>,
    /// The cheapest single change that would place it: of a gang, and of a round before its first member is there,
    /// all members at once.
    pub suggestion: Option<Suggestion>,
    /// Why its live leases, and the offer under way, are where they are. A restart forgets it.
    pub decisions: Vec<Decision>,
    /// How placements are weighed.
    pub weights: Weights,
    /// How long its money lasts; of a job with leases.
    pub runway: Option<Runway>,
}

/// How many nodes a constraint excludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Exclusion {
    pub nodes: usize,
    /// Nodes that meet everything else.
    pub alone: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blocker {
    /// This orchestrator does not run jobs of this kind.
    NotServed(NotServed),
    /// The network's parameters have not been read yet.
    ParametersUnknown,
    /// The spec is not here yet.
    SpecMissing(Option<Cause>),
    /// It is over.
    Ended(Outcome),
    /// No lease came before the start deadline.
    StartDeadlinePassed(UnixSeconds),
    /// The rest of the deposit does not cover a lease worth its transactions on any node that fits.
    DepositExhausted { available: MicroUsdc },
    /// As many leases are live as the job allows.
    ConcurrencyReached { live: u16, silent: usize },
    /// More attempts have failed than the job allows: its live and reported leases are its last.
    AttemptsExhausted { failed: u16, retries: u16 },
    /// What the end of a lease that is under way does to the job is not known yet.
    LeaseEnding,
    /// An offer is with this node.
    OfferPending { node: Address },
    /// So many spot leases on this node were given notice for it, which is over then; without any, its worker is
    /// waited for.
    AwaitsNotice { node: Address, leases: usize, until: UnixSeconds },
    /// So many nodes were invited to bid for its next lease, so many have, and the others may until these
    /// milliseconds since 1970.
    AuctionOpen { invited: usize, bids: usize, closes_at: u64 },
    /// So many auctions in a row led to no lease; nodes may bid again at these milliseconds since 1970.
    AuctionPausing { failures: u32, again_at: u64 },
    /// Every task is done or with a node.
    NothingToHandOut,
    /// So many tasks are to be run again for a spot check before it is done, and so many of them are; the others
    /// wait for a node of another provider, the first of them until then.
    SpotChecks { open: usize, running: usize, until: Option<UnixSeconds> },
    /// This job comes first; whether it is known yet.
    After { job: Address, known: bool },
    /// So many tasks ended by themselves and start again, the first of them at these milliseconds since 1970;
    /// one of them has ended so often in a row.
    Restarting { tasks: usize, times: u32, again_at: u64 },
    /// A gang takes all nodes or none, and too few are free at a time, since so many milliseconds since 1970. From
    /// `kept_from` on those that come free may be kept for it, in its turn.
    GangIncomplete { lacking: Lacking, since: u64, kept_from: u64 },
    /// So many of the gang's members have their lease; the others' nodes are kept for them.
    GangAssembling { joined: usize, size: usize },
    /// So many of the gang's nodes are kept for it, in one region unless it may be anywhere: from when on, and until
    /// there are enough or until when, in milliseconds since 1970.
    GangHolding { held: usize, size: usize, region: Option<u8>, since: u64, until: u64 },
    /// So many sets of nodes in a row could not be brought together; the next is tried at these milliseconds.
    GangPausing { failures: u32, again_at: u64 },
    /// Members of an earlier attempt are being let go.
    GangDisbanding,
    /// A round takes so many providers at once, and too few have a node for it.
    ProvidersLacking(TooFew),
    /// Results are counted in this round: so many leases have joined it, committed, and shown their results, until
    /// this moment at the latest; zero before the first has joined.
    RoundOpen { round: u32, size: usize, joined: usize, committed: usize, revealed: usize, until: UnixSeconds },
    /// The round is counted, and its members are settled.
    RoundCounted { round: u32, decided: bool },
}

impl Blocker {
    /// Of a job that takes all its nodes at once: how many more would have to be there. None where that is not what
    /// holds it back.
    fn members_lacking(&self) -> Option<usize> {
        match self {
            Self::GangIncomplete { lacking, .. } => Some(lacking.size - lacking.placeable),
            Self::ProvidersLacking(too_few) => Some(too_few.providers - too_few.fitting),
            // Among those of a shape it is a gang's.
            Self::DepositExhausted { .. } => Some(0),
            _ => None,
        }
    }
}

impl Core {
    /// Why the job is where it is. None for a job never seen.
    pub fn explain(&self, now: Now, job: Address) -> Option<Explanation> {
        let entry = self.jobs.get(&job)?;
        let mut exclusions: BTreeMap<Constraint, Exclusion> = BTreeMap::new();
        let (mut nodes_fitting, mut too_dear) = (0, 0);
        let mut prospects = Vec::new();
        let past = self.past(job);
        let demand = self.demand(now, job, entry);
        let mut blockers = self.shape_blockers(now, job, &demand);
        let request = past.request(entry, &demand);
        let asker = Asker::new(self, now, (job, entry), request);
        let spot = entry.view.job.terms.spot;
        let kept: BTreeSet<Address> = self.seat_claims(job).into_iter().map(|(_, claim)| claim.node).collect();
        for (address, node) in self.market.nodes() {
            if kept.contains(&address) {
                nodes_fitting += 1;
                continue;
            }
            let found = self.market.exclusions(now, &request, address);
            let hard: Vec<Constraint> = found.iter().copied().filter(|constraint| !constraint.is_wish()).collect();
            for constraint in &found {
                let exclusion = exclusions.entry(*constraint).or_default();
                exclusion.nodes += 1;
                exclusion.alone += usize::from(hard.as_slice() == [*constraint]);
            }
            let price = node.view.node.posted_price(spot);
            let only = match hard.as_slice() {
                [] if price.is_some_and(|price| !asker.affords(price)) => {
                    too_dear += 1;
                    None
                }
                [] => {
                    nodes_fitting += 1;
                    continue;
                }
                [only] => Some(*only),
                _ => continue,
            };
            prospects.push(Prospect { only, price: price.unwrap_or(node.view.node.price), node: address });
        }
        let lacking = blockers.iter().find_map(Blocker::members_lacking);
        let suggestion = match lacking {
            Some(lacking) => asker.suggest_for_all(prospects, lacking),
            None if nodes_fitting == 0 && !entry.is_gang() => asker.suggest(prospects),
            None => None,
        };
        let others = self.blockers(now, job, entry).into_iter().filter(|blocker| !blockers.contains(blocker));
        let others: Vec<Blocker> = others.collect();
        blockers.extend(others);
        let exhausted = exhausted(entry);
        // Cheaper nodes may be there, and not free.
        if nodes_fitting == 0 && too_dear > 0 && entry.outcome.is_none() && !blockers.contains(&exhausted) {
            blockers.push(exhausted);
        }
        blockers.extend(self.check_blocker(now, job, entry));
        Some(Explanation {
            blockers,
            nodes_total: self.market.len(),
            nodes_fitting,
            exclusions,
            suggestion,
            decisions: entry.story().decisions.values().cloned().collect(),
            weights: *self.market.weights(),
            runway: self.runway(job),
        })
    }

    fn blockers(&self, now: Now, job: Address, entry: &JobEntry) -> Vec<Blocker> {
        let mut blockers = Vec::new();
        if let Some(outcome) = &entry.outcome {
            return vec![Blocker::Ended(outcome.clone())];
        }
        if let Some(reason) = self.not_served(entry) {
            return vec![Blocker::NotServed(reason)];
        }
        if let Some((node, leases, until)) = self.awaited_notices(now, job) {
            blockers.push(Blocker::AwaitsNotice { node, leases, until });
        }
        if self.market.parameters().is_none() {
            blockers.push(Blocker::ParametersUnknown);
        }
        if let SpecStatus::Wanted { cause, .. } = &entry.spec {
            blockers.push(Blocker::SpecMissing(cause.as_deref().cloned()));
        }
        if entry.past_start_deadline(now.chain) {
            blockers.push(Blocker::StartDeadlinePassed(entry.view.job.start_deadline));
        }
        let works_on = !entry.is_counted() && !self.wants_lease(now, job, entry) && entry.tasks.n_unchecked() == 0;
        if entry.workload().is_some() && works_on {
            blockers.push(Blocker::NothingToHandOut);
        }
        if entry.view.job.state == JobState::Active
            && entry.view.job.live_leases >= entry.view.job.terms.concurrent_leases
        {
            let leases = self.open_leases_of(job);
            let silent = leases.iter().filter(|lease| self.leases[*lease].silenced).count();
            blockers.push(Blocker::ConcurrencyReached { live: entry.view.job.live_leases, silent });
        }
        let (failed, retries) = (entry.view.job.attempts_failed, entry.view.job.terms.retries);
        if failed > retries {
            blockers.push(Blocker::AttemptsExhausted { failed, retries });
        }
        if self.awaits_an_end(job) {
            blockers.push(Blocker::LeaseEnding);
        }
        if let Some(pending) = &entry.offer {
            blockers.push(Blocker::OfferPending { node: pending.offer.node });
        }
        blockers.extend(self.auction_blocker(now, job));
        let spot = entry.view.job.terms.spot;
        let prices = self.market.nodes().filter_map(|(_, node)| node.view.node.posted_price(spot));
        let agreeable = prices.filter(|price| *price <= entry.view.job.terms.maximum_price).min();
        if let Some(price) = agreeable
            && (affordable(entry, price).is_none() || entry.is_gang() && !enough_for(entry, price, entry.tasks.len()))
        {
            blockers.push(exhausted(entry));
        }
        blockers
    }
}

fn exhausted(entry: &JobEntry) -> Blocker {
    Blocker::DepositExhausted { available: entry.view.job.available().unwrap_or(MicroUsdc::ZERO) }
}
