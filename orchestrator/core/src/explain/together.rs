//! What would help a job that takes all its nodes at once: one change after which there are enough of them.

use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::{Address, MicroUsdc, PricePerGpuHour};

use super::asker::{Asker, Prospect};
use super::{Change, Suggestion};
use crate::decide::enough_for;
use crate::market::Request;
use crate::state::job::JobEntry;

/// Things to change of which as much is tried as would help: each takes a few searches, where a look at one node is
/// nothing, and of providers alone there may be thousands.
const MOST_TRIED: usize = 8;

impl Asker<'_> {
    /// The change after which all members have a node, which so many more than now would have to have.
    pub(super) fn suggest_for_all(&self, prospects: Vec<Prospect>, lacking: usize) -> Option<Suggestion> {
        if self.entry.votes().is_some_and(|(_, size)| self.places < usize::from(size)) {
            // Not all of a round is to be placed.
            return None;
        }
        if let Some(suggestion) = self.money_for_all() {
            return Some(suggestion);
        }
        let lacking = lacking.max(1);
        let mut groups: BTreeMap<_, Vec<(Change, Prospect)>> = BTreeMap::new();
        for prospect in prospects.into_iter().filter(|prospect| prospect.only.is_some()) {
            if let Some(change) = self.change(&prospect).filter(|change| !matches!(change, Change::Wait(_))) {
                let accepts = matches!(
                    change,
                    Change::AcceptGpuClass(_)
                        | Change::AcceptRegion(_)
                        | Change::AcceptCountry(_)
                        | Change::AcceptProvider(_)
                );
                groups.entry((prospect.only, accepts.then_some(change))).or_default().push((change, prospect));
            }
        }
        let mut groups: Vec<_> = groups.into_values().filter(|group| group.len() >= lacking).collect();
        for group in &mut groups {
            group.sort_by_key(|(_, prospect)| (prospect.price, prospect.node));
        }
        // What the last of those costs that are needed at least.
        groups.sort_by_key(|group| (group[lacking - 1].1.price, group[0].1.node));
        groups.iter().take(MOST_TRIED).find_map(|group| self.least_that_is_enough(group))
    }

    /// Of changes of one kind the one that gives up the least: a change that gives up more wins the same nodes, and
    /// further ones.
    fn least_that_is_enough(&self, group: &[(Change, Prospect)]) -> Option<Suggestion> {
        let changes: BTreeSet<Change> = group.iter().map(|(change, _)| *change).collect();
        let mut changes: Vec<Change> = changes.into_iter().collect();
        // Prices rise; of everything else less is asked.
        if !matches!(changes.first(), Some(Change::RaisePrice(_))) {
            changes.reverse();
        }
        let (mut fails, mut works) = (0, changes.len());
        while fails < works {
            let middle = fails + (works - fails) / 2;
            if self.is_enough(changes[middle]) { works = middle } else { fails = middle + 1 }
        }
        let change = *changes.get(works)?;
        let (_, won) = group.iter().find(|(known, _)| *known == change)?;
        Some(Suggestion { change, node: won.node, price: won.price })
    }

    /// What is to be added to the deposit, where the nodes are there and money alone is lacking.
    fn money_for_all(&self) -> Option<Suggestion> {
        let (entry, demand) = self.after(Change::AddToDeposit(MicroUsdc::MAX));
        let request = self.request_of(&entry, &demand);
        let (needed, dearest) = if entry.is_gang() {
            let (set, _) = self.core.plan_by(self.now, &entry.view.job, &request, &mut BTreeSet::new())?.ok()?;
            let costs = set.seats.iter().map(|seat| self.cost(seat.price));
            let needed = costs.into_iter().try_fold(MicroUsdc::ZERO, |sum, cost| sum.plus(cost?).ok())?;
            (needed, set.seats.iter().map(|seat| (seat.price, seat.chosen.node)).max()?)
        } else {
            let members = self.members(&entry, &request);
            let dearest = members.iter().copied().max().filter(|_| members.len() >= self.places)?;
            (MicroUsdc(self.cost(dearest.0)?.0.checked_mul(u64::try_from(self.places).ok()?)?), dearest)
        };
        let change = self.missing(needed).filter(|change| self.is_enough(*change))?;
        Some(Suggestion { change, node: dearest.1, price: dearest.0 })
    }

    /// Whether with the change all members have a node.
    fn is_enough(&self, change: Change) -> bool {
        let (entry, demand) = self.after(change);
        let request = self.request_of(&entry, &demand);
        if entry.is_gang() {
            let plan = self.core.plan_by(self.now, &entry.view.job, &request, &mut BTreeSet::new());
            plan.is_some_and(|plan| plan.is_ok())
        } else {
            self.members(&entry, &request).len() >= self.places
        }
    }

    /// Prices and nodes for a round, each of another provider, as many as it has places where there are so many.
    fn members(&self, entry: &JobEntry, request: &Request) -> Vec<(PricePerGpuHour, Address)> {
        let mut providers = request.providers.clone();
        let mut members = Vec::new();
        while members.len() < self.places {
            let found = self.core.market.best(self.now, &Request { providers: &providers, ..*request }, 1);
            let Some(chosen) = found.candidates.first() else { break };
            let Some(node) = self.core.market.node(chosen.node) else { break };
            providers.insert(node.view.provider);
            let price = PricePerGpuHour(chosen.score.price);
            if enough_for(entry, price, self.places) {
                members.push((price, chosen.node));
            }
        }
        members
    }
}
