use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::Address;

/// Leases whose account may still exist, by job and by node.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenLeases {
    all: BTreeSet<Address>,
    by_job: BTreeMap<Address, BTreeSet<Address>>,
    by_node: BTreeMap<Address, BTreeSet<Address>>,
}

impl OpenLeases {
    pub(crate) fn insert(&mut self, lease: Address, job: Address, node: Address) {
        self.all.insert(lease);
        self.by_job.entry(job).or_default().insert(lease);
        self.by_node.entry(node).or_default().insert(lease);
    }

    pub(crate) fn remove(&mut self, lease: Address, job: Address, node: Address) {
        self.all.remove(&lease);
        for (map, key) in [(&mut self.by_job, job), (&mut self.by_node, node)] {
            if let Some(leases) = map.get_mut(&key) {
                leases.remove(&lease);
                if leases.is_empty() {
                    map.remove(&key);
                }
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn contains(&self, lease: Address) -> bool {
        self.all.contains(&lease)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Address> {
        self.all.iter().copied()
    }

    pub(crate) fn of_job(&self, job: Address) -> impl Iterator<Item = Address> {
        self.by_job.get(&job).into_iter().flatten().copied()
    }

    pub(crate) fn of_node(&self, node: Address) -> impl Iterator<Item = Address> {
        self.by_node.get(&node).into_iter().flatten().copied()
    }
}
