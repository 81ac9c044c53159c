use millrace_protocol::{Address, GpuUnits, MicroUsdc};

use super::owners::OwnerId;
use super::{Market, Resources};
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
    pub used: Resources,
}

/// A claim, and where it is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    claim: Claim,
    slot: u32,
    owner: OwnerId,
}

impl Market {
    /// What `holder` (a lease, or the job an offer is for) takes from now on. Returns what it took before.
    pub fn set_claim(&mut self, now: Now, holder: Address, claim: Option<Claim>) -> Option<Claim> {
        if let Some(known) = self.claims.get(&holder)
            && Some(known.claim) == claim
        {
            return claim;
        }
        let after = claim.map(|claim| Box::new(self.take(claim)));
        let taken = after.as_ref().map(|counted| counted.slot);
        let before = match after {
            Some(counted) => self.claims.insert(holder, counted),
            None => self.claims.remove(&holder),
        };
        if let Some(before) = &before {
            self.give_back(before);
            self.refresh(now, before.slot);
        }
        if let Some(slot) = taken {
            self.refresh(now, slot);
        }
        before.map(|counted| counted.claim)
    }

    /// What the holder takes.
    pub(crate) fn claim(&self, holder: Address) -> Option<&Claim> {
        self.claims.get(&holder).map(|counted| &counted.claim)
    }

    pub fn claims(&self) -> impl Iterator<Item = (Address, &Claim)> {
        self.claims.iter().map(|(holder, counted)| (*holder, &counted.claim))
    }

    fn take(&mut self, claim: Claim) -> Counted {
        let slot = self.slot(claim.node);
        let rig = &mut self.rigs[slot as usize];
        // A lease outlives its node's account, and what a node is of may be read late.
        let known = rig.entry.as_ref().is_some_and(|entry| entry.view.provider == claim.provider);
        let owner = if known { rig.owner } else { self.owners.id(claim.provider) };
        let units = u32::from(claim.units.0);
        match claim.held {
            Held::Offer => rig.offered += units,
            Held::Lease => rig.leased += units,
            Held::Report => {}
        }
        if claim.held != Held::Report {
            rig.used.plus(claim.used);
        }
        self.owners.at_mut(owner).back(claim.bond, claim.held == Held::Offer);
        Counted { claim, slot, owner }
    }

    fn give_back(&mut self, &Counted { claim, slot, owner }: &Counted) {
        let rig = &mut self.rigs[slot as usize];
        let units = u32::from(claim.units.0);
        match claim.held {
            Held::Offer => rig.offered -= units,
            Held::Lease => rig.leased -= units,
            Held::Report => {}
        }
        if claim.held != Held::Report {
            rig.used.minus(claim.used);
        }
        self.owners.at_mut(owner).release(claim.bond, claim.held == Held::Offer);
        self.ease(owner);
        self.owners.forget(owner, claim.provider);
    }
}
