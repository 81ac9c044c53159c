use millrace_protocol::{Address, GpuUnits, MicroUsdc};

use super::claims::Held;
use super::rules::bond;
use super::search::{Candidate, Request};
use super::{Constraint, Market};
use crate::Now;

/// Claims on a node, thought away.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vacated {
    /// Leases and offers, by holder; whether the stake behind it is free again as well.
    pub(crate) claims: Vec<(Address, bool)>,
    /// Whether leases are believed where the node's account counts more: it is read after them.
    pub(crate) account_is_late: bool,
}

impl Market {
    /// What would speak against a lease of the request on the node if these claims on it had ended, the first
    /// found; and what it would score if nothing does. None for a node that is not known.
    pub(crate) fn without(
        &self,
        now: Now,
        request: &Request,
        node: Address,
        vacated: &Vacated,
    ) -> Option<Result<Candidate, Constraint>> {
        let mut rig = self.rig(node)?.clone();
        rig.entry.as_ref()?;
        let (mut bonds, mut offered) = (MicroUsdc::ZERO, MicroUsdc::ZERO);
        let claims = vacated.claims.iter().filter_map(|(holder, frees_bond)| Some((self.claim(*holder)?, *frees_bond)));
        for (claim, frees_bond) in claims.filter(|(claim, _)| claim.node == node) {
            let units = u32::from(claim.units.0);
            match claim.held {
                Held::Offer => {
                    rig.offered = rig.offered.saturating_sub(units);
                    offered = MicroUsdc(offered.0.saturating_add(claim.bond.0));
                }
                Held::Lease => {
                    rig.leased = rig.leased.saturating_sub(units);
                    if let Some(entry) = &mut rig.entry {
                        let leased = &mut entry.view.node.leased;
                        *leased = leased.saturating_minus(claim.units);
                    }
                }
                Held::Report => {}
            }
            if claim.held != Held::Report {
                rig.used.minus(claim.used);
            }
            if frees_bond && claim.held != Held::Offer {
                bonds = MicroUsdc(bonds.0.saturating_add(claim.bond.0));
            }
        }
        let known = GpuUnits(u16::try_from(rig.leased).unwrap_or(u16::MAX));
        if let Some(entry) = rig.entry.as_mut().filter(|_| vacated.account_is_late) {
            entry.view.node.leased = entry.view.node.leased.min(known);
        }
        let (demand, entry) = (request.demand, rig.entry.as_ref()?);
        let price = entry.view.node.posted_price(demand.spot);
        let excludes = |constraint: &Constraint| {
            if *constraint != Constraint::StakeTooSmall {
                return self.excludes(*constraint, now, request, (&rig, entry));
            }
            let class = entry.view.node.hardware.gpu_class;
            let needed = self.parameters.and_then(|known| bond(&known, class, price?, demand.units));
            let free = self.owners.at(rig.owner).map(|owner| owner.free_stake_without(bonds, offered));
            needed.is_none_or(|needed| free.is_none_or(|free| free < needed))
        };
        // What more GPUs would not mend comes first.
        let by_others = |constraint: &Constraint| constraint.is_taken_by_others();
        let lasting = Constraint::ALL.into_iter().filter(|constraint| !by_others(constraint));
        let obstacle = lasting.chain(Constraint::ALL.into_iter().filter(by_others)).find(excludes);
        if let Some(obstacle) = obstacle {
            return Some(Err(obstacle));
        }
        if price.is_none_or(|price| price > request.affordable) {
            return Some(Err(Constraint::Price));
        }
        let image = self.images.find(&demand.image);
        Some(Ok(self.candidate(request, image, &rig, false)))
    }
}
