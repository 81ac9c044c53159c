use std::ops::ControlFlow;

use millrace_protocol::Address;

use super::reach::{Needs, Rank, Reach};

/// No tree, or no branch.
pub(super) const NIL: u32 = u32::MAX;

/// Entries of a block: few enough to sum up anew at each change, enough to keep trees flat.
const WIDTH: usize = 16;
/// Neighbours with so few between them become one.
const SPARSE: usize = WIDTH / 2;

/// Ordered trees in one arena: B+-trees (Comer, "The ubiquitous B-tree", 1979) in which each block knows
/// the most of everything under each of its entries. What a search reads lies side by side in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Trees {
    blocks: Vec<Block>,
    unused: Vec<u32>,
}

/// A rig of a leaf, or a block under a branch, by its first rig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    base: u64,
    slot: u32,
    /// [`NIL`] in a leaf.
    child: u32,
    reach: Reach,
}

#[derive(Clone, Debug)]
struct Block {
    entries: [Entry; WIDTH],
    len: usize,
}

/// What breaks ties between rigs of the same base: their addresses, by slot.
pub(super) type Names<'a> = &'a dyn Fn(u32) -> Address;

/// What became of a block.
enum Change {
    /// Whoever looks at it from above sees no difference.
    Hidden,
    Seen,
    /// A second block follows it.
    Split(Entry),
}

impl Entry {
    fn is_before(&self, (base, name): Rank, names: Names) -> bool {
        self.base < base || (self.base == base && names(self.slot) < name)
    }

    fn is_after(&self, (base, name): Rank, names: Names) -> bool {
        self.base > base || (self.base == base && names(self.slot) > name)
    }
}

impl Block {
    fn new(entries: &[Entry]) -> Self {
        let mut block = Self { entries: [entries[0]; WIDTH], len: entries.len() };
        block.entries[..entries.len()].copy_from_slice(entries);
        block
    }

    fn all(&self) -> &[Entry] {
        &self.entries[..self.len]
    }

    fn insert(&mut self, at: usize, entry: Entry) {
        self.entries.copy_within(at..self.len, at + 1);
        self.entries[at] = entry;
        self.len += 1;
    }

    fn remove(&mut self, at: usize) {
        self.entries.copy_within(at + 1..self.len, at);
        self.len -= 1;
    }

    /// How a branch sees it as its child.
    fn sum(&self, child: u32) -> Entry {
        let [first, rest @ ..] = self.all() else { unreachable!("a block without entries is taken away") };
        Entry { child, reach: rest.iter().fold(first.reach, |all, entry| all.either(entry.reach)), ..*first }
    }

    /// The child under which the rank belongs.
    fn towards(&self, rank: Rank, names: Names) -> usize {
        self.all().partition_point(|entry| !entry.is_after(rank, names)).saturating_sub(1)
    }

    fn find(&self, slot: u32, rank: Rank, names: Names) -> Option<usize> {
        let at = self.all().partition_point(|entry| entry.is_before(rank, names));
        let found = self.all().get(at).is_some_and(|entry| entry.slot == slot);
        debug_assert!(found, "rig {slot} is not where the index has it");
        found.then_some(at)
    }
}

impl Trees {
    pub(super) fn insert(&mut self, root: u32, slot: u32, base: u64, own: Reach, names: Names) -> u32 {
        let new = Entry { base, slot, child: NIL, reach: own };
        if root == NIL {
            return self.store(Block::new(&[new]));
        }
        match self.put(root, new, names) {
            Change::Split(second) => {
                let first = self.blocks[root as usize].sum(root);
                self.store(Block::new(&[first, second]))
            }
            Change::Hidden | Change::Seen => root,
        }
    }

    fn put(&mut self, at: u32, new: Entry, names: Names) -> Change {
        let rank = (new.base, names(new.slot));
        let block = &self.blocks[at as usize];
        if block.entries[0].child == NIL {
            let index = block.all().partition_point(|entry| entry.is_before(rank, names));
            return self.add(at, index, new);
        }
        let index = block.towards(rank, names);
        let child = block.entries[index].child;
        match self.put(child, new, names) {
            Change::Hidden => Change::Hidden,
            Change::Seen => self.look(at, index),
            Change::Split(second) => {
                self.look(at, index);
                self.add(at, index + 1, second)
            }
        }
    }

    /// Adds an entry to a block, which may have to be split for it.
    fn add(&mut self, at: u32, index: usize, entry: Entry) -> Change {
        let block = &mut self.blocks[at as usize];
        if block.len < WIDTH {
            block.insert(index, entry);
            return Change::Seen;
        }
        let mut second = Block::new(&block.entries[WIDTH / 2..]);
        block.len = WIDTH / 2;
        if index <= WIDTH / 2 {
            block.insert(index, entry);
        } else {
            second.insert(index - WIDTH / 2, entry);
        }
        let id = self.store(second);
        Change::Split(self.blocks[id as usize].sum(id))
    }

    /// Takes the rig out; it must be there.
    pub(super) fn remove(&mut self, root: u32, slot: u32, rank: Rank, names: Names) -> u32 {
        self.cut(root, slot, rank, names);
        let block = &self.blocks[root as usize];
        let (len, only) = (block.len, block.entries[0].child);
        if len > 1 || (len == 1 && only == NIL) {
            return root;
        }
        self.unused.push(root);
        if len == 0 { NIL } else { only }
    }

    fn cut(&mut self, at: u32, slot: u32, rank: Rank, names: Names) -> Change {
        let block = &mut self.blocks[at as usize];
        if block.entries[0].child == NIL {
            if let Some(index) = block.find(slot, rank, names) {
                block.remove(index);
            }
            return Change::Seen;
        }
        let index = block.towards(rank, names);
        let child = block.entries[index].child;
        if matches!(self.cut(child, slot, rank, names), Change::Hidden) {
            return Change::Hidden;
        }
        if self.blocks[child as usize].len == 0 {
            self.unused.push(child);
            self.blocks[at as usize].remove(index);
            return Change::Seen;
        }
        let seen = self.look(at, index);
        if self.unite(at, index) { Change::Seen } else { seen }
    }

    /// Makes one block of a child and its neighbour where both hold little.
    fn unite(&mut self, at: u32, index: usize) -> bool {
        let block = &self.blocks[at as usize];
        let left = if index + 1 < block.len { index } else { index.saturating_sub(1) };
        let [first, second] = [left, left + 1].map(|index| block.all().get(index).map(|entry| entry.child));
        let (Some(first), Some(second)) = (first, second) else { return false };
        let more = self.blocks[second as usize].clone();
        let target = &mut self.blocks[first as usize];
        if target.len + more.len > SPARSE {
            return false;
        }
        target.entries[target.len..target.len + more.len].copy_from_slice(more.all());
        target.len += more.len;
        self.unused.push(second);
        self.blocks[at as usize].remove(left + 1);
        self.look(at, left);
        true
    }

    /// The rig has something else to offer, in the same place.
    pub(super) fn change(&mut self, root: u32, slot: u32, rank: Rank, own: Reach, names: Names) {
        if root != NIL {
            self.alter(root, slot, rank, own, names);
        }
    }

    fn alter(&mut self, at: u32, slot: u32, rank: Rank, own: Reach, names: Names) -> Change {
        let block = &mut self.blocks[at as usize];
        if block.entries[0].child == NIL {
            if let Some(index) = block.find(slot, rank, names) {
                block.entries[index].reach = own;
            }
            return Change::Seen;
        }
        let index = block.towards(rank, names);
        let child = block.entries[index].child;
        match self.alter(child, slot, rank, own, names) {
            Change::Hidden => Change::Hidden,
            Change::Seen | Change::Split(_) => self.look(at, index),
        }
    }

    /// Sums up a child anew.
    fn look(&mut self, at: u32, index: usize) -> Change {
        let child = self.blocks[at as usize].entries[index].child;
        let sum = self.blocks[child as usize].sum(child);
        let before = std::mem::replace(&mut self.blocks[at as usize].entries[index], sum);
        if before == sum { Change::Hidden } else { Change::Seen }
    }

    /// Visits, in order, rigs that may meet the needs and whose base is at most `most`.
    pub(super) fn walk(
        &self,
        at: u32,
        needs: &Needs,
        most: u64,
        visit: &mut impl FnMut(u32, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(block) = self.blocks.get(at as usize) else { return ControlFlow::Continue(()) };
        for entry in block.all() {
            if entry.base > most {
                return ControlFlow::Break(());
            }
            if !entry.reach.meets(needs) {
                continue;
            }
            if entry.child == NIL {
                visit(entry.slot, entry.base)?;
            } else {
                self.walk(entry.child, needs, most, visit)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn store(&mut self, block: Block) -> u32 {
        if let Some(free) = self.unused.pop() {
            self.blocks[free as usize] = block;
            return free;
        }
        grow(&mut self.blocks);
        self.blocks.push(block);
        u32::try_from(self.blocks.len() - 1).expect("fewer blocks than 2^32")
    }
}

/// Makes room for one more by an eighth at a time: doubling would leave half of the memory unused.
pub(super) fn grow<T>(all: &mut Vec<T>) {
    if all.len() == all.capacity() {
        all.reserve_exact(all.len() / 8 + 16);
    }
}

#[cfg(test)]
mod tests;
