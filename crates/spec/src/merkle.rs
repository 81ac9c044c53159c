//! Binary Merkle trees, and the result root of a lease: one over its outputs.
//!
//! An output's leaf is `SHA-256(0 ‖ task u32 LE ‖ path length u32 LE ‖ path ‖ size u64 LE ‖ content SHA-256)`, a node
//! `SHA-256(1 ‖ left ‖ right)`; the first byte keeps a node from passing for a leaf. A node without
//! a sibling moves up unchanged. The root of no leaf is 32 zeros. Where results are counted, a member whose work
//! failed has [`failed`] for its root.

use sha2::{Digest as _, Sha256 as Hasher};

use crate::{ObjectRef, Sha256, sha256};

/// One output file of one task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leaf {
    pub task: u32,
    /// Relative to the outputs folder, `/`-separated.
    pub path: String,
    pub object: ObjectRef,
}

impl Leaf {
    fn hash(&self) -> Sha256 {
        let mut hasher = Hasher::new();
        hasher.update([0]);
        hasher.update(self.task.to_le_bytes());
        // A path is at most 4096 bytes; a longer one would hash, but never verify against a worker's.
        hasher.update(u32::try_from(self.path.len()).unwrap_or(u32::MAX).to_le_bytes());
        hasher.update(self.path.as_bytes());
        hasher.update(self.object.size.to_le_bytes());
        hasher.update(self.object.sha256.0);
        Sha256(hasher.finalize().into())
    }
}

/// `SHA-256(0 ‖ bytes)`: a leaf of whatever else a tree is over.
pub fn leaf_of(bytes: &[u8]) -> Sha256 {
    let mut hasher = Hasher::new();
    hasher.update([0]);
    hasher.update(bytes);
    Sha256(hasher.finalize().into())
}

fn parent(left: Sha256, right: Sha256) -> Sha256 {
    let mut hasher = Hasher::new();
    hasher.update([1]);
    hasher.update(left.0);
    hasher.update(right.0);
    Sha256(hasher.finalize().into())
}

/// The root over leaves in any order: they are sorted by task, then path.
pub fn root(mut leaves: Vec<Leaf>) -> Sha256 {
    leaves.sort();
    root_over(leaves.iter().map(Leaf::hash).collect())
}

/// What stands for the results of work that failed: `SHA-256("millrace failed result v1")`. How far it came differs
/// between rigs, that it fails does not; and it must not pass for work that succeeds without any output.
pub fn failed() -> Sha256 {
    sha256(b"millrace failed result v1")
}

/// The root over hashes of leaves, in this order.
pub fn root_over(mut level: Vec<Sha256>) -> Sha256 {
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => parent(*left, *right),
                single => single[0],
            })
            .collect();
    }
    level.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaf(task: u32, path: &str) -> Leaf {
        Leaf { task, path: path.to_owned(), object: ObjectRef { sha256: sha256(path.as_bytes()), size: 7 } }
    }

    #[test]
    fn no_output_is_zeros_and_one_is_its_leaf() {
        assert_eq!(root(vec![]), Sha256([0; 32]));
        assert_eq!(root(vec![leaf(1, "a")]), leaf(1, "a").hash());
        assert_ne!(failed(), root(vec![]), "work that fails is not work without outputs");
    }

    #[test]
    fn task_path_size_and_content_all_count() {
        let one = leaf(1, "a");
        let base = root(vec![one.clone()]);
        assert_ne!(base, root(vec![leaf(2, "a")]));
        assert_ne!(base, root(vec![Leaf { path: "b".to_owned(), ..one.clone() }]));
        assert_ne!(base, root(vec![Leaf { object: ObjectRef { size: 8, ..one.object }, ..one.clone() }]));
        assert_ne!(base, root(vec![Leaf { object: ObjectRef { sha256: sha256(b"z"), ..one.object }, ..one }]));
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_every_leaf_does(count in 2usize..40, removed in 0usize..40) {
            let leaves: Vec<Leaf> = (0..count).map(|index| leaf(u32::try_from(index).unwrap(), "frame.png")).collect();
            let mut reversed = leaves.clone();
            reversed.reverse();
            prop_assert_eq!(root(leaves.clone()), root(reversed));
            let mut fewer = leaves.clone();
            fewer.remove(removed % count);
            prop_assert_ne!(root(leaves), root(fewer));
        }
    }
}
