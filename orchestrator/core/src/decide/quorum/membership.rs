use std::collections::BTreeSet;

use millrace_protocol::quorum::{Quorum, Verdict};
use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::{Address, PricePerGpuHour, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::decide::placement::{Past, RUNNERS_UP, Search};
use crate::market::Demand;
use crate::state::job::JobEntry;
use crate::{Core, Joins, Now};

/// A round begins only where every member could have a node at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TooFew {
    /// Providers that a round takes.
    pub providers: usize,
    /// Those that have a node for it now.
    pub fitting: usize,
}

impl Core {
    /// Offers the next place of the job's round, or that of a member that has gone, to the best node of a provider
    /// that has none.
    pub(in crate::decide) fn place_member(&mut self, now: Now, job: Address, demand: &Demand) -> Search {
        let mut tight = BTreeSet::new();
        let too_few = self.too_few(now, job, demand, &mut tight).is_some();
        tight.into_iter().for_each(|slot| self.market.mark_tight(slot));
        if too_few {
            return Search::Refused;
        }
        let past = self.past(job);
        let Some(entry) = self.jobs.get(&job) else { return Search::Refused };
        let (round, opens) = (entry.view.quorum_round, self.round(job).is_none() && !entry.view.quorum_open);
        let mut found = self.market.best(now, &past.request(entry, demand), RUNNERS_UP + 1);
        for slot in std::mem::take(&mut found.tight) {
            self.market.mark_tight(slot);
        }
        if found.candidates.is_empty() {
            return Search::Nothing;
        }
        let Some((mut offer, decision)) = self.choose(now, job, found.candidates) else { return Search::Refused };
        if !self.may_join(now, job, offer.provider) {
            return Search::Refused;
        }
        offer.joins = Some(Joins { round, opens });
        self.send_offer(now, offer, decision);
        Search::Placed
    }

    /// Places that a further lease of the job could take.
    pub(crate) fn free_places(&self, now: Now, job: Address) -> usize {
        let Some((mut quorum, (_, size))) =
            self.projected_round(now, job).zip(self.jobs.get(&job).and_then(|entry| entry.votes()))
        else {
            return 0;
        };
        if self.n_members(job) >= usize::from(size) * 2 {
            // Whoever takes the places goes again: that is no bad luck any more.
            return 0;
        }
        let stranger = |number: u8| Address([number; 32]);
        // The first one's lease says until when the others may join: long enough for all of them.
        let joins = |n: &u8| quorum.join(stranger(*n), stranger(*n), UnixSeconds(u64::MAX), now.chain).is_ok();
        (0..size).take_while(joins).count()
    }

    /// How many leases the job's present round has had.
    fn n_members(&self, job: Address) -> usize {
        let Some(round) = self.jobs.get(&job).map(|entry| entry.view.quorum_round) else { return 0 };
        let of_round = |lease: &&crate::LeaseEntry| match lease.round {
            Some(known) => known == round,
            None => lease.on_chain(),
        };
        self.leases_of_account(job).into_iter().filter(of_round).count()
    }

    /// What the next round lacks, before its first member is there. Rigs that were passed over for want of stake are
    /// noted in `tight`.
    pub(crate) fn too_few(&self, now: Now, job: Address, demand: &Demand, tight: &mut BTreeSet<u32>) -> Option<TooFew> {
        let entry = self.jobs.get(&job)?;
        let (_, size) = entry.votes()?;
        if self.projected_round(now, job).is_none_or(|round| round.joined > 0) {
            return None;
        }
        let mut past = self.past(job);
        let mut one_more = || self.takes_one_more(now, (job, entry), demand, (&mut past, tight));
        let fitting = (0..size).take_while(|_| one_more()).count();
        (fitting < usize::from(size)).then_some(TooFew { providers: size.into(), fitting })
    }

    /// Whether yet another provider has a node on which the chain would open the lease.
    fn takes_one_more(
        &self,
        now: Now,
        (job, entry): (Address, &JobEntry),
        demand: &Demand,
        (past, tight): (&mut Past, &mut BTreeSet<u32>),
    ) -> bool {
        loop {
            let found = self.market.best(now, &past.request(entry, demand), 1);
            tight.extend(found.tight);
            let Some(chosen) = found.candidates.first().copied() else { return false };
            let Some(provider) = self.market.node(chosen.node).map(|node| node.view.provider) else { return false };
            past.note_provider(provider);
            let price = PricePerGpuHour(chosen.score.price);
            let Some(maximum) = self.lease_length(now, job, price) else { continue };
            let terms = LeaseOffer { price, negotiated: false, maximum };
            if self.dry_run(now, entry, chosen, terms).is_some() {
                return true;
            }
        }
    }

    /// The round as it is once what is known to have joined it is read. None where it must be read first, and where
    /// the last one is not closed yet.
    fn projected_round(&self, now: Now, job: Address) -> Option<Quorum> {
        let entry = self.jobs.get(&job)?;
        let (needed, size) = entry.votes()?;
        let reveal_window = self.market.parameters()?.reveal_window;
        let mut quorum = match self.round(job) {
            Some(round) => round.quorum,
            None if entry.view.quorum_open => return None,
            None => Quorum::new(needed, size, reveal_window),
        };
        if quorum.verdict != Verdict::Open {
            return None;
        }
        let unread = |lease: &Address| quorum.joined().iter().all(|member| member.lease != *lease);
        for lease in self.open_leases.of_job(job).filter(unread).collect::<Vec<_>>() {
            let view = self.leases.get(&lease)?.view;
            let ends_by = view.lease.latest_end().ok()?;
            // One that has gone before it was read has no place any more.
            let _ = quorum.join(lease, view.provider, ends_by, now.chain);
        }
        Some(quorum)
    }

    /// Whether the chain would take a lease with the provider into the job's round.
    fn may_join(&self, now: Now, job: Address, provider: Address) -> bool {
        let nobody = Address([0; 32]);
        self.projected_round(now, job)
            .is_some_and(|mut round| round.join(nobody, provider, now.chain, now.chain).is_ok())
    }

    /// Providers that have a place in the job's round, or had one that nobody has taken over.
    pub(in crate::decide) fn providers_of_round(&self, job: Address) -> BTreeSet<Address> {
        let members = self.round(job).into_iter().flat_map(|round| round.quorum.joined()).map(|member| member.provider);
        let leases = self.open_leases.of_job(job).filter_map(|lease| Some(self.leases.get(&lease)?.view.provider));
        members.chain(leases).collect()
    }
}
