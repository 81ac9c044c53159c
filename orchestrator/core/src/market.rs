//! The placement index: what every node has free, in an order by which the best node for a lease is
//! found without looking at the others.
//!
//! Nodes that can take work lie in pools, by kind of lease (posted price or spot), GPU class, size of the
//! rig and whether it is still whole. Whatever a lease is charged beside the node's own standing
//! ([`Weights`]) is the same for a whole pool but for the image, so a pool is one ordered tree: its first
//! node that fits is its best, unless one that follows closely has the image already. Each branch of the
//! tree knows the most of everything that lies under it, images included, so a search turns back where
//! nothing can fit.
//!
//! What may exclude a node is one list of rules ([`rules`]), for the index and for explanations alike;
//! the index only leaves out what a rule would exclude.

mod claims;
mod demand;
mod images;
mod owners;
mod places;
mod pools;
mod reach;
mod rig;
mod room;
mod rules;
mod score;
mod search;
mod shelve;
mod standing;
mod tree;
mod vacancy;

use std::collections::BTreeSet;

use millrace_protocol::{Address, GpuUnits, Node, Parameters, Provider, UnixSeconds};
use millrace_spec::Runtime;

use claims::Counted;
pub use claims::{Claim, Held};
pub use demand::{Demand, Together};

pub use rig::Resources;
pub(crate) use room::Errand;
pub use rules::Constraint;
pub(crate) use rules::bond;
pub use score::{Facts, Score, Weights};
pub use search::{Candidate, Found, Request};
pub(crate) use vacancy::Vacated;

use crate::by_address::ByAddress;
use crate::state::node::{NodeEntry, Worker};
use crate::{NodeView, Now};
use images::Images;
use owners::Owners;
use places::Places;
use pools::Pools;
use rig::Rig;

/// Every node, and what is free of it.
#[derive(Clone, Debug)]
pub struct Market {
    weights: Weights,
    /// Milliseconds of silence after which a worker is taken for gone.
    patience: u64,
    parameters: Option<Parameters>,
    slots: ByAddress<u32>,
    rigs: Vec<Rig>,
    owners: Owners,
    /// Boxed: a table keeps room for entries that it does not have, and looks at many.
    claims: ByAddress<Box<Counted>>,
    pools: Pools,
    places: Places,
    images: Images,
    /// Milliseconds at which a rig may have become silent, or ends its quarantine.
    alarms: BTreeSet<(u64, u32)>,
    /// When a provider's reputation next fades.
    fades: BTreeSet<(UnixSeconds, Address)>,
    /// Nodes that answered the last challenge wrong, or not in time.
    refused: BTreeSet<Address>,
    /// Rigs that may fit a demand that they did not fit before.
    improved: Vec<u32>,
    known: usize,
}

impl Market {
    /// `patience` is in milliseconds.
    pub fn new(weights: Weights, patience: u64) -> Self {
        Self {
            weights,
            patience,
            parameters: None,
            slots: ByAddress::default(),
            rigs: Vec::new(),
            owners: Owners::default(),
            claims: ByAddress::default(),
            pools: Pools::default(),
            places: Places::default(),
            images: Images::default(),
            alarms: BTreeSet::new(),
            fades: BTreeSet::new(),
            refused: BTreeSet::new(),
            improved: Vec::new(),
            known: 0,
        }
    }

    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    pub fn parameters(&self) -> Option<&Parameters> {
        self.parameters.as_ref()
    }

    pub fn set_parameters(&mut self, now: Now, parameters: Parameters) {
        if self.parameters.replace(parameters) != Some(parameters) {
            for slot in 0..self.next_slot() {
                self.refresh(now, slot);
                // Bonds may be lower.
                self.improve(slot);
            }
        }
    }

    /// A node's account as last read.
    pub fn set_node(&mut self, now: Now, node: Address, view: NodeView) {
        let slot = self.slot(node);
        let before = self.rigs[slot as usize].entry.replace(NodeEntry { view });
        self.known += usize::from(before.is_none());
        // What it has to offer is compared by its shelf; not all of what follows.
        let what = |view: &NodeView| (view.provider, view.node.hardware.country, view.node.attestation, view.cuda);
        if before.as_ref().is_some_and(|before| what(&before.view) != what(&view)) {
            self.improve(slot);
        }
        if let Some(before) = before
            && before.view.provider != view.provider
        {
            self.disown(before.view.provider, slot);
        }
        self.own(now, view.provider, slot);
        self.refresh(now, slot);
    }

    /// The node's account is gone.
    pub fn remove_node(&mut self, now: Now, node: Address) {
        let Some(slot) = self.slots.get(&node).copied() else { return };
        let Some(entry) = self.rigs[slot as usize].entry.take() else { return };
        self.known -= 1;
        self.disown(entry.view.provider, slot);
        self.refresh(now, slot);
    }

    /// A worker proved the node's key. One that comes again without having gone was lost all the same.
    pub fn connect(&mut self, now: Now, node: Address, session: u64) {
        let slot = self.slot(node);
        let before = self.rigs[slot as usize].worker.unwrap_or_default();
        let mut losses = before.losses;
        if before.connected {
            losses.lose(now.millis);
        }
        losses.find();
        let worker = Worker { session, connected: true, last_heard: now.millis, losses };
        self.rigs[slot as usize].worker = Some(worker);
        self.listen(now, slot);
    }

    /// Gives a worker that was never heard the usual patience, counted from now.
    pub fn expect(&mut self, now: Now, node: Address) {
        let slot = self.slot(node);
        self.rigs[slot as usize].worker.get_or_insert(Worker { last_heard: now.millis, ..Worker::default() });
    }

    /// The worker has said something. Cheap: most of what workers say is that they are still there.
    pub fn hear(&mut self, now: Now, node: Address) {
        let Some(slot) = self.slots.get(&node).copied() else { return };
        let patience = self.patience;
        let Some(worker) = &mut self.rigs[slot as usize].worker else { return };
        let was_there = worker.live(now.millis, patience) && !worker.losses.is_lost();
        worker.last_heard = worker.last_heard.max(now.millis);
        if !was_there {
            self.listen(now, slot);
        }
    }

    /// The stream of the worker's `session` has ended.
    pub fn disconnect(&mut self, now: Now, node: Address, session: u64) {
        let Some(slot) = self.slots.get(&node).copied() else { return };
        if let Some(worker) = &mut self.rigs[slot as usize].worker
            && worker.session == session
        {
            worker.connected = false;
            worker.losses.lose(now.millis);
            self.listen(now, slot);
        }
    }

    /// Whether the node counts as one that cannot show what it is said to have.
    pub fn set_refused(&mut self, node: Address, refused: bool) {
        let changed = if refused { self.refused.insert(node) } else { self.refused.remove(&node) };
        if changed && !refused {
            let slot = self.slot(node);
            self.improve(slot);
        }
    }

    /// Whether nobody has leased, or is being offered, anything of the node.
    pub(crate) fn is_idle(&self, node: Address) -> bool {
        let idle =
            |rig: &Rig| rig.entry.as_ref().is_some_and(|entry| rig.free(entry) == entry.view.node.hardware.units());
        self.rig(node).is_some_and(idle)
    }

    /// Image references that the node has, by name.
    pub fn set_images<'a>(&mut self, now: Now, node: Address, images: impl IntoIterator<Item = &'a str>) {
        let slot = self.slot(node);
        let rig = &mut self.rigs[slot as usize];
        rig.images = self.images.exchange(&rig.images, images);
        self.refresh(now, slot);
    }

    /// Whether the rig's owner lets it take no further lease.
    pub fn set_draining(&mut self, now: Now, node: Address, draining: bool) {
        let slot = self.slot(node);
        self.rigs[slot as usize].draining = draining;
        self.refresh(now, slot);
    }

    /// The runtimes that the node's engine has beside its own.
    pub fn set_runtimes(&mut self, node: Address, runtimes: &BTreeSet<Runtime>) {
        let (slot, gvisor) = (self.slot(node), runtimes.contains(&Runtime::Gvisor));
        let before = std::mem::replace(&mut self.rigs[slot as usize].gvisor, gvisor);
        if gvisor && !before {
            self.improve(slot);
        }
    }

    pub fn runtimes(&self, node: Address) -> &'static [Runtime] {
        if self.rig(node).is_some_and(|rig| rig.gvisor) { &[Runtime::Gvisor] } else { &[] }
    }

    /// Whether the node takes no further lease, by what the chain or its owner says.
    pub fn is_draining(&self, node: Address) -> bool {
        self.rig(node).is_some_and(Rig::drains)
    }

    /// What the node's link to the object store moves, in KiB per second. None while it was never measured.
    pub fn link(&self, node: Address) -> Option<u32> {
        self.rig(node)?.link
    }

    /// In KiB per second.
    pub fn set_link(&mut self, now: Now, node: Address, speed: u32) {
        let slot = self.slot(node);
        self.rigs[slot as usize].link = Some(speed);
        self.refresh(now, slot);
    }

    pub fn set_provider(&mut self, now: Now, provider: Address, account: Provider) {
        self.stand(now, provider, Some(account));
    }

    pub fn remove_provider(&mut self, now: Now, provider: Address) {
        self.stand(now, provider, None);
        let owner = self.owners.id(provider);
        self.owners.forget(owner, provider);
    }

    /// Known nodes.
    pub fn len(&self) -> usize {
        self.known
    }

    pub fn is_empty(&self) -> bool {
        self.known == 0
    }

    /// Every known node, those first that were known first.
    pub fn nodes(&self) -> impl Iterator<Item = (Address, &NodeEntry)> {
        self.rigs.iter().filter_map(|rig| Some((rig.address, rig.entry.as_ref()?)))
    }

    pub fn node(&self, node: Address) -> Option<&NodeEntry> {
        self.rig(node)?.entry.as_ref()
    }

    pub fn worker(&self, node: Address) -> Option<&Worker> {
        self.rig(node)?.worker.as_ref()
    }

    pub fn provider(&self, provider: Address) -> Option<Provider> {
        self.owners.get(provider)?.account
    }

    /// What leases and offers leave of the node beside its GPUs.
    pub(crate) fn spare(&self, node: Address) -> Option<Resources> {
        let rig = self.rig(node)?;
        Some(rig.spare(rig.entry.as_ref()?))
    }

    /// Units that nobody has leased, or is being offered.
    pub(crate) fn free(&self, node: Address) -> Option<GpuUnits> {
        let rig = self.rig(node)?;
        Some(rig.free(rig.entry.as_ref()?))
    }

    /// The node and its provider as they will be once the offers under way are leases.
    pub fn projected(&self, node: Address) -> Option<(Node, Provider)> {
        let rig = self.rig(node)?;
        let entry = rig.entry.as_ref()?;
        let owner = self.owners.at(rig.owner)?;
        let mut projected = entry.view.node;
        projected.leased = projected.hardware.units().saturating_minus(rig.free(entry));
        Some((projected, owner.projected()?))
    }

    fn improve(&mut self, slot: u32) {
        if !std::mem::replace(&mut self.rigs[slot as usize].improved, true) {
            self.improved.push(slot);
        }
    }

    fn rig(&self, node: Address) -> Option<&Rig> {
        self.rigs.get(*self.slots.get(&node)? as usize)
    }

    pub(crate) fn slot_of(&self, node: Address) -> Option<u32> {
        self.slots.get(&node).copied()
    }

    fn next_slot(&self) -> u32 {
        u32::try_from(self.rigs.len()).expect("fewer nodes than 2^32: each needs an account of its own")
    }

    fn slot(&mut self, node: Address) -> u32 {
        let next = self.next_slot();
        let slot = *self.slots.entry(node).or_insert(next);
        if slot == next {
            tree::grow(&mut self.rigs);
            self.rigs.push(Rig::new(node));
        }
        slot
    }
}

#[cfg(test)]
mod tests;
