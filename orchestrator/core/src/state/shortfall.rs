use std::collections::BTreeSet;

/// How many nodes a gang lacks before it is worth another look. A node takes one member at most, so each that comes
/// free in the meantime counts once, whoever has it then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shortfall {
    /// By the place where all of them must be: a bit of its region, or none where that may be any.
    places: Vec<(Option<u32>, usize)>,
    /// Nodes that count already, by slot.
    counted: BTreeSet<u32>,
}

impl Shortfall {
    pub fn new(places: Vec<(Option<u32>, usize)>) -> Self {
        Self { places, counted: BTreeSet::new() }
    }

    /// A node that suits has come free; whether there may be enough of them now.
    pub fn count(&mut self, slot: u32, regions: u32) -> bool {
        if self.counted.insert(slot) {
            let there = |place: &Option<u32>| place.is_none_or(|region| region & regions != 0);
            for (_, lacking) in self.places.iter_mut().filter(|(place, _)| there(place)) {
                *lacking = lacking.saturating_sub(1);
            }
        }
        self.places.iter().any(|(_, lacking)| *lacking == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_counts_once_and_only_where_it_is() {
        let mut shortfall = Shortfall::new(vec![(Some(1), 2), (Some(2), 3)]);
        assert!(!shortfall.count(7, 1));
        assert!(!shortfall.count(7, 1), "the same node again");
        assert!(!shortfall.count(8, 2) && !shortfall.count(9, 2));
        assert!(shortfall.count(10, 1), "two in one region");
        let mut anywhere = Shortfall::new(vec![(None, 2)]);
        assert!(!anywhere.count(1, 1) && anywhere.count(2, 2));
    }
}
