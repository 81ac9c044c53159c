use millrace_protocol::Address;

use super::standing::Owner;
use crate::by_address::ByAddress;

/// A provider, by number; a search asks for owners by the hundred, and addresses are slow to compare.
pub(super) type OwnerId = u32;

/// Every provider that is known of.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners {
    numbers: ByAddress<OwnerId>,
    all: Vec<Owner>,
    unused: Vec<OwnerId>,
}

impl Owners {
    pub(super) fn get(&self, provider: Address) -> Option<&Owner> {
        self.at(self.number(provider)?)
    }

    pub(super) fn number(&self, provider: Address) -> Option<OwnerId> {
        self.numbers.get(&provider).copied()
    }

    pub(super) fn at(&self, id: OwnerId) -> Option<&Owner> {
        self.all.get(id as usize)
    }

    /// Of one that is known.
    pub(super) fn at_mut(&mut self, id: OwnerId) -> &mut Owner {
        &mut self.all[id as usize]
    }

    /// Its number, from now on if it has none yet.
    pub(super) fn id(&mut self, provider: Address) -> OwnerId {
        if let Some(id) = self.numbers.get(&provider) {
            return *id;
        }
        let id = self.unused.pop().unwrap_or_else(|| {
            self.all.push(Owner::default());
            u32::try_from(self.all.len() - 1).expect("fewer providers than 2^32: each needs an account of its own")
        });
        self.numbers.insert(provider, id);
        id
    }

    /// Frees the number of a provider of which nothing is known any more.
    pub(super) fn forget(&mut self, id: OwnerId, provider: Address) {
        if self.at(id).is_some_and(Owner::is_forgotten) && self.numbers.remove(&provider).is_some() {
            self.all[id as usize] = Owner::default();
            self.unused.push(id);
        }
    }
}
