//! A Merkle tree over tiles. A leaf is the hash of 65,536 bytes and an inner node of 65, so that none
//! passes for the other; a place's path is as long as the tree is high.

use sha2::{Digest as _, Sha256};

/// SHA-256.
pub type Digest = [u8; 32];

fn join(left: &Digest, right: &Digest) -> Digest {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// All nodes, leaves first. An odd one out is paired with itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree(Vec<Vec<Digest>>);

impl Tree {
    pub fn new(leaves: Vec<Digest>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let above = level.chunks(2).map(|pair| join(&pair[0], pair.last().unwrap_or(&pair[0]))).collect();
            levels.push(above);
        }
        Self(levels)
    }

    pub fn root(&self) -> Digest {
        self.0.last().and_then(|top| top.first()).copied().unwrap_or_default()
    }

    /// The neighbours from a leaf up; empty for one that does not exist.
    pub fn path(&self, leaf: u32) -> Vec<Digest> {
        let mut place = leaf as usize;
        let mut path = Vec::new();
        for level in self.0.iter().take(self.0.len().saturating_sub(1)) {
            path.extend(level.get(place ^ 1).or(level.get(place)));
            place /= 2;
        }
        path
    }
}

/// Whether `leaf` stands at `place` of a tree of `leaves` leaves with this root.
pub fn holds(root: &Digest, leaves: u32, place: u32, leaf: Digest, path: &[Digest]) -> bool {
    let height = leaves.next_power_of_two().trailing_zeros() as usize;
    if place >= leaves || path.len() != height {
        return false;
    }
    let mut node = leaf;
    for (level, neighbour) in path.iter().enumerate() {
        node = if place >> level & 1 == 0 { join(&node, neighbour) } else { join(neighbour, &node) };
    }
    node == *root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_stands_where_it_is_and_nowhere_else() {
        for leaves in 1..=9u32 {
            let digest = |leaf: u32| [leaf as u8 + 1; 32];
            let tree = Tree::new((0..leaves).map(digest).collect());
            for place in 0..leaves {
                let path = tree.path(place);
                assert!(holds(&tree.root(), leaves, place, digest(place), &path));
                assert!(!holds(&tree.root(), leaves, place, digest(leaves), &path));
                let elsewhere = (0..leaves + 2).filter(|other| *other != place);
                for other in elsewhere {
                    assert!(!holds(&tree.root(), leaves, other, digest(place), &path), "{other} of {leaves}");
                }
                if let [_, shorter @ ..] = path.as_slice() {
                    assert!(!holds(&tree.root(), leaves, place, digest(place), shorter));
                }
            }
        }
    }
}
