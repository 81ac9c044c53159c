use std::collections::BTreeMap;
use std::sync::Arc;

use crate::market::Demand;

/// A demand, by number.
pub(crate) type DemandId = u32;

/// What open jobs ask for, each thing once however many ask for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demands {
    numbers: BTreeMap<Arc<Demand>, DemandId>,
    known: BTreeMap<DemandId, (Arc<Demand>, u32)>,
    next: DemandId,
}

impl Demands {
    /// Who asked for `before` asks for this from now on.
    pub(crate) fn change(&mut self, before: Option<DemandId>, demand: Demand) -> DemandId {
        if let Some(id) = before {
            if *self.known[&id].0 == demand {
                return id;
            }
            self.remove(id);
        }
        let id = match self.numbers.get(&demand) {
            Some(id) => *id,
            None => {
                let (id, demand) = (self.next, Arc::new(demand));
                self.next += 1;
                self.numbers.insert(demand.clone(), id);
                self.known.insert(id, (demand, 0));
                id
            }
        };
        self.known.entry(id).and_modify(|(_, users)| *users += 1);
        id
    }

    /// One who asked for it does so no more.
    pub(crate) fn remove(&mut self, id: DemandId) {
        let Some((demand, users)) = self.known.get_mut(&id) else { return };
        *users -= 1;
        if *users == 0 {
            self.numbers.remove(demand);
            self.known.remove(&id);
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.known.is_empty()
    }

    pub(crate) fn get(&self, id: DemandId) -> Option<&Arc<Demand>> {
        self.known.get(&id).map(|(demand, _)| demand)
    }
}
