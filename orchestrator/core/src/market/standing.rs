use std::collections::BTreeSet;

use millrace_protocol::{Address, BasisPoints, MicroUsdc, Provider, ProviderStatus, UnixSeconds};

use super::Market;
use super::owners::OwnerId;
use crate::Now;

/// Reputations fade by whole hours since their last record (`millrace_protocol::Reputation::at`).
const HOUR: u64 = 3_600;

/// A provider, and what its nodes' leases hold of its stake.
#[derive(Clone, Debug, Default)]
pub(super) struct Owner {
    pub(super) account: Option<Provider>,
    /// As of the last reading, or the last full hour.
    pub(super) reputation: BasisPoints,
    /// Bonds of leases that are not settled, as far as they are known here.
    bonds: u64,
    /// Bonds of offers under way.
    offered: u64,
    /// Leases and offers that are counted here.
    claims: u32,
    rigs: BTreeSet<u32>,
    /// A search passed over one of its nodes for want of stake.
    tight: bool,
    fade: Option<UnixSeconds>,
}

impl Owner {
    /// Stake that backs nothing yet. Provider and leases are read one by one: whichever shows more of what
    /// is locked is right.
    pub(super) fn free_stake(&self) -> MicroUsdc {
        self.free_stake_without(MicroUsdc::ZERO, MicroUsdc::ZERO)
    }

    /// The same, if these bonds of leases and of offers were free again.
    pub(super) fn free_stake_without(&self, bonds: MicroUsdc, offered: MicroUsdc) -> MicroUsdc {
        let projected = self.projected_without(bonds, offered);
        projected.and_then(|account| account.stake.free().ok()).unwrap_or(MicroUsdc::ZERO)
    }

    /// The account as it will be once the offers under way are leases.
    pub(super) fn projected(&self) -> Option<Provider> {
        self.projected_without(MicroUsdc::ZERO, MicroUsdc::ZERO)
    }

    fn projected_without(&self, bonds: MicroUsdc, offered: MicroUsdc) -> Option<Provider> {
        let mut account = self.account?;
        let backed = account.stake.locked.0.max(self.bonds).saturating_sub(bonds.0);
        account.stake.locked = MicroUsdc(backed.saturating_add(self.offered.saturating_sub(offered.0)));
        Some(account)
    }

    /// The stake backs a lease, or an offer of one.
    pub(super) fn back(&mut self, bond: MicroUsdc, is_offer: bool) {
        let sum = if is_offer { &mut self.offered } else { &mut self.bonds };
        *sum = sum.saturating_add(bond.0);
        self.claims += 1;
    }

    pub(super) fn release(&mut self, bond: MicroUsdc, is_offer: bool) {
        let sum = if is_offer { &mut self.offered } else { &mut self.bonds };
        *sum = sum.saturating_sub(bond.0);
        self.claims -= 1;
    }

    /// Nothing is known of it any more.
    pub(super) fn is_forgotten(&self) -> bool {
        self.account.is_none() && self.rigs.is_empty() && self.claims == 0
    }

    pub(super) fn may_lease(&self, minimum: BasisPoints) -> bool {
        self.is_active() && self.reputation >= minimum
    }

    pub(super) fn is_active(&self) -> bool {
        self.account.is_some_and(|account| account.status == ProviderStatus::Active)
    }
}

impl Market {
    /// The provider's account was read, is gone, or an hour has passed.
    pub(super) fn stand(&mut self, now: Now, provider: Address, account: Option<Provider>) {
        let id = self.owners.id(provider);
        let owner = self.owners.at_mut(id);
        let before = (owner.account.map(|account| account.status), owner.reputation);
        let free = owner.free_stake();
        owner.account = account;
        owner.reputation = account.map_or(BasisPoints::ZERO, |account| account.reputation.score(now.chain));
        let moved = before != (account.map(|account| account.status), owner.reputation);
        let eased = owner.free_stake() > free;
        // Without a bad record there is nothing to fade: the score stays whole.
        let fading = account.map(|account| account.reputation).filter(|reputation| reputation.bad > MicroUsdc::ZERO);
        let next = fading.map(|reputation| {
            let hours = now.chain.since(reputation.updated_at).0 / HOUR;
            UnixSeconds(reputation.updated_at.0.saturating_add(HOUR.saturating_mul(hours + 1)))
        });
        let earlier = std::mem::replace(&mut owner.fade, next);
        let rigs = if moved { owner.rigs.clone() } else { BTreeSet::new() };
        if let Some(at) = earlier {
            self.fades.remove(&(at, provider));
        }
        self.fades.extend(next.map(|at| (at, provider)));
        if eased {
            self.ease(id);
        }
        rigs.into_iter().for_each(|slot| self.refresh(now, slot));
    }

    /// The node is the provider's.
    pub(super) fn own(&mut self, now: Now, provider: Address, slot: u32) {
        if self.owners.get(provider).is_none() {
            self.stand(now, provider, None);
        }
        let owner = self.owners.id(provider);
        self.owners.at_mut(owner).rigs.insert(slot);
        self.rigs[slot as usize].owner = owner;
    }

    pub(super) fn disown(&mut self, provider: Address, slot: u32) {
        let Some(owner) = self.owners.number(provider) else { return };
        self.owners.at_mut(owner).rigs.remove(&slot);
        self.owners.forget(owner, provider);
    }

    /// A search passed over the rig for want of its provider's stake.
    pub(crate) fn mark_tight(&mut self, slot: u32) {
        let rig = &self.rigs[slot as usize];
        if rig.entry.is_some() {
            self.owners.at_mut(rig.owner).tight = true;
        }
    }

    /// The provider has more stake to give than before.
    pub(super) fn ease(&mut self, owner: OwnerId) {
        let owner = self.owners.at_mut(owner);
        if std::mem::take(&mut owner.tight) {
            let rigs: Vec<u32> = owner.rigs.iter().copied().collect();
            rigs.into_iter().for_each(|slot| self.improve(slot));
        }
    }
}
