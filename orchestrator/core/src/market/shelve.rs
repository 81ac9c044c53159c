use millrace_protocol::PricePerGpuHour;
use millrace_protocol::gpu::{GpuClass, Tier};

use super::images::ImageId;
use super::places::Stall;
use super::pools::{Place, Shape, named};
use super::reach::Reach;
use super::room::Room;
use super::{Market, Rig};
use crate::Now;

/// Where the index has a rig that can take work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shelf {
    class: GpuClass,
    shape: Shape,
    /// For leases at the posted price, and for spot leases: what it costs there, and its place by that.
    standing: [Option<(PricePerGpuHour, u64)>; 2],
    reach: Reach,
}

impl Shelf {
    fn place(&self, slot: u32, spot: bool) -> Option<Place> {
        let (price, base) = self.standing[usize::from(spot)]?;
        let reach = self.reach.at(price);
        Some(Place { row: (spot, self.class), shape: self.shape, slot, base, reach })
    }

    pub(super) fn stall(&self) -> Stall {
        let takes = self.standing.map(|standing| standing.is_some());
        Stall { class: self.class, region: self.reach.regions(), free: self.reach.free(), takes }
    }

    pub(super) fn may_have(&self, image: ImageId) -> bool {
        self.reach.may_have(image)
    }

    pub(super) fn room(&self) -> Room {
        let reach = self.standing.map(|posted| posted.map(|(price, _)| self.reach.at(price)));
        Room { class: self.class, regions: self.reach.regions(), reach }
    }

    /// Whether something may fit now that did not fit before.
    fn improves(&self, before: &Self) -> bool {
        if self.class != before.class {
            return true;
        }
        let more = before.reach.either(self.reach) != before.reach;
        let cheaper = |spot: usize| match (self.standing[spot], before.standing[spot]) {
            (Some((price, _)), Some((was, _))) => price < was,
            (now, _) => now.is_some(),
        };
        more || cheaper(0) || cheaper(1)
    }
}

impl Market {
    /// Puts the rig where it belongs now.
    pub(super) fn refresh(&mut self, now: Now, slot: u32) {
        let after = self.shelf(now, slot);
        let before = std::mem::replace(&mut self.rigs[slot as usize].shelf, after);
        if before == after {
            return;
        }
        if after.is_some_and(|after| before.is_none_or(|before| after.improves(&before))) {
            self.improve(slot);
        }
        self.places.change(before.as_ref().map(Shelf::stall), after.as_ref().map(Shelf::stall));
        let names = named(&self.rigs);
        for spot in [false, true] {
            let was = before.and_then(|shelf| shelf.place(slot, spot));
            let is = after.and_then(|shelf| shelf.place(slot, spot));
            match (was, is) {
                (Some(was), Some(is)) if (was.row, was.shape, was.base) == (is.row, is.shape, is.base) => {
                    self.pools.change(is, &names);
                }
                (was, is) => {
                    was.into_iter().for_each(|place| self.pools.remove(place, &names));
                    is.into_iter().for_each(|place| self.pools.insert(place, &names));
                }
            }
        }
    }

    /// None for a rig that can take no lease of any kind.
    fn shelf(&self, now: Now, slot: u32) -> Option<Shelf> {
        let rig = &self.rigs[slot as usize];
        let (entry, worker) = (rig.entry.as_ref()?, rig.worker.as_ref()?);
        let node = &entry.view.node;
        let class = node.hardware.gpu_class;
        let owner = self.owners.at(rig.owner)?;
        let minimum = self.parameters?.minimum_reputation[Tier::of(class) as usize];
        let free = rig.free(entry).0;
        let size = node.hardware.units().0;
        let able = worker.live(now.millis, self.patience)
            && worker.quarantined_until() <= now.millis
            && !rig.drains()
            && owner.may_lease(minimum)
            && free > 0;
        let standing = |price| (price, self.weights.standing(price, owner.reputation, rig.link).total());
        able.then(|| Shelf {
            class,
            shape: Shape { size, whole: free == size },
            standing: [false, true].map(|spot| node.posted_price(spot).map(standing)),
            reach: Reach::of(rig, entry, node.price),
        })
    }

    /// A worker's word came, or should have come by now.
    pub(super) fn listen(&mut self, now: Now, slot: u32) {
        let patience = self.patience;
        let Rig { worker: Some(worker), alarm, .. } = &mut self.rigs[slot as usize] else { return };
        let silent = worker.silent(now.millis, patience);
        if silent && worker.connected {
            worker.losses.lose(now.millis);
        } else if worker.connected {
            worker.losses.find();
        }
        let falls_silent = worker.silent_from(patience);
        let silence = Some(falls_silent).filter(|_| worker.connected && !silent);
        let release = Some(worker.quarantined_until()).filter(|until| *until > now.millis);
        let next = silence.into_iter().chain(release).min();
        if *alarm != 0 {
            self.alarms.remove(&(*alarm, slot));
        }
        *alarm = next.unwrap_or(0);
        if let Some(next) = next {
            self.alarms.insert((next, slot));
        }
        self.refresh(now, slot);
    }

    /// Lets time pass: silences, quarantines that end, reputations that fade. Before each search.
    pub fn advance(&mut self, now: Now) {
        while let Some((at, slot)) = self.alarms.first().copied()
            && at <= now.millis
        {
            self.alarms.pop_first();
            self.rigs[slot as usize].alarm = 0;
            self.listen(now, slot);
        }
        while let Some((at, provider)) = self.fades.first().copied()
            && at <= now.chain
        {
            self.fades.pop_first();
            let account = self.provider(provider);
            self.stand(now, provider, account);
        }
    }
}
