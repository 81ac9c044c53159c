use millrace_protocol::{Address, GpuUnits, MicroUsdc};

use super::{Market, Used};
use crate::Now;

/// What a claim is held by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// An offer under way.
    Offer,
    /// A live lease, whoever awarded it.
    Lease,
    /// A lease that has ended and is not settled: it holds its bond, not its node.
    Report,
}

/// What a lease or an offer takes of a node and its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub held: Held,
    /// Whose job it is for, where that is known.
    pub buyer: Option<Address>,
    pub node: Address,
    pub provider: Address,
    pub units: GpuUnits,
    pub bond: MicroUsdc,
    pub used: Used,
}

impl Market {
    /// What `holder` (a lease, or the job an offer is for) takes from now on. Returns what it took before.
    pub fn set_claim(&mut self, now: Now, holder: Address, claim: Option<Claim>) -> Option<Claim> {
        let before = match claim {
            Some(claim) => self.claims.insert(holder, claim),
            None => self.claims.remove(&holder),
        };
        if before == claim {
            return before;
        }
        if let Some(claim) = claim {
            self.take(&claim);
        }
        if let Some(before) = &before {
            self.give_back(before);
        }
        let nodes = [before, claim].map(|claim| claim.and_then(|claim| self.slots.get(&claim.node).copied()));
        for slot in nodes.into_iter().flatten() {
            self.refresh(now, slot);
        }
        before
    }

    pub fn claims(&self) -> impl Iterator<Item = (Address, &Claim)> {
        self.claims.iter().map(|(holder, claim)| (*holder, claim))
    }

    fn take(&mut self, claim: &Claim) {
        let slot = self.slot(claim.node);
        let rig = &mut self.rigs[slot as usize];
        let units = u32::from(claim.units.0);
        let owner = self.owners.entry(claim.provider).or_default();
        match claim.held {
            Held::Offer => {
                rig.offered += units;
                owner.offered = owner.offered.saturating_add(claim.bond.0);
            }
            Held::Lease => rig.leased += units,
            Held::Report => {}
        }
        if claim.held != Held::Offer {
            owner.bonds = owner.bonds.saturating_add(claim.bond.0);
        }
        if claim.held != Held::Report {
            rig.used.plus(claim.used);
        }
    }

    fn give_back(&mut self, claim: &Claim) {
        let slot = self.slot(claim.node);
        let rig = &mut self.rigs[slot as usize];
        let units = u32::from(claim.units.0);
        let owner = self.owners.entry(claim.provider).or_default();
        match claim.held {
            Held::Offer => {
                rig.offered -= units;
                owner.offered = owner.offered.saturating_sub(claim.bond.0);
            }
            Held::Lease => rig.leased -= units,
            Held::Report => {}
        }
        if claim.held != Held::Offer {
            owner.bonds = owner.bonds.saturating_sub(claim.bond.0);
        }
        if claim.held != Held::Report {
            rig.used.minus(claim.used);
        }
        self.ease(claim.provider);
        self.forget_owner(claim.provider);
    }
}
