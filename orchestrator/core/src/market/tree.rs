use std::ops::ControlFlow;

use millrace_protocol::Address;

use super::reach::{Needs, Rank, Reach};

/// No tree, or no branch.
pub(super) const NIL: u32 = u32::MAX;

/// Ordered trees in one arena. Each is a treap (Seidel and Aragon, "Randomized search trees", 1996): a
/// search tree by rank and a heap by priority. Priorities are a hash of the rig's number, so the same
/// events always give the same tree, and no provider chooses them.
#[derive(Clone, Debug, Default)]
pub(super) struct Trees {
    knots: Vec<Knot>,
    unused: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Knot {
    base: u64,
    /// The lowest base of the branch.
    least: u64,
    slot: u32,
    left: u32,
    right: u32,
    own: Reach,
    /// Of the branch.
    all: Reach,
}

/// What breaks ties between rigs of the same base: their addresses, by slot.
pub(super) type Names<'a> = &'a dyn Fn(u32) -> Address;

impl Trees {
    pub(super) fn insert(&mut self, root: u32, slot: u32, base: u64, own: Reach, names: Names) -> u32 {
        let knot = Knot { base, least: base, slot, left: NIL, right: NIL, own, all: own };
        let new = match self.unused.pop() {
            Some(free) => {
                self.knots[free as usize] = knot;
                free
            }
            None => {
                grow(&mut self.knots);
                self.knots.push(knot);
                u32::try_from(self.knots.len() - 1).expect("fewer entries than 2^32")
            }
        };
        self.put(root, new, (base, names(slot)), names)
    }

    fn put(&mut self, at: u32, new: u32, rank: Rank, names: Names) -> u32 {
        if at == NIL {
            return new;
        }
        if self.priority(new) > self.priority(at) {
            let (left, right) = self.split(at, rank, names);
            self.knots[new as usize].left = left;
            self.knots[new as usize].right = right;
            self.pull(new);
            return new;
        }
        if self.is_before(at, rank, names) {
            let right = self.put(self.knots[at as usize].right, new, rank, names);
            self.knots[at as usize].right = right;
        } else {
            let left = self.put(self.knots[at as usize].left, new, rank, names);
            self.knots[at as usize].left = left;
        }
        self.pull(at);
        at
    }

    /// Takes the rig out; it must be there.
    pub(super) fn remove(&mut self, at: u32, slot: u32, rank: Rank, names: Names) -> u32 {
        if at == NIL {
            debug_assert!(false, "rig {slot} is not where the index has it");
            return NIL;
        }
        let Knot { slot: found, left, right, .. } = self.knots[at as usize];
        if found == slot {
            self.unused.push(at);
            return self.join(left, right);
        }
        if self.is_before(at, rank, names) {
            let right = self.remove(right, slot, rank, names);
            self.knots[at as usize].right = right;
        } else {
            let left = self.remove(left, slot, rank, names);
            self.knots[at as usize].left = left;
        }
        self.pull(at);
        at
    }

    /// The rig has something else to offer, in the same place.
    pub(super) fn change(&mut self, at: u32, slot: u32, rank: Rank, own: Reach, names: Names) {
        if at == NIL {
            debug_assert!(false, "rig {slot} is not where the index has it");
            return;
        }
        let Knot { slot: found, left, right, .. } = self.knots[at as usize];
        if found == slot {
            self.knots[at as usize].own = own;
        } else {
            let next = if self.is_before(at, rank, names) { right } else { left };
            self.change(next, slot, rank, own, names);
        }
        self.pull(at);
    }

    /// Visits, in order, rigs that may meet the needs and whose base is at most `most`.
    pub(super) fn walk(
        &self,
        at: u32,
        needs: &Needs,
        most: u64,
        visit: &mut impl FnMut(u32, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(knot) = self.knots.get(at as usize) else { return ControlFlow::Continue(()) };
        if knot.least > most || !knot.all.meets(needs) {
            return ControlFlow::Continue(());
        }
        self.walk(knot.left, needs, most, visit)?;
        if knot.base > most {
            return ControlFlow::Break(());
        }
        if knot.own.meets(needs) {
            visit(knot.slot, knot.base)?;
        }
        self.walk(knot.right, needs, most, visit)
    }

    /// Before the rank, and after or at it.
    fn split(&mut self, at: u32, rank: Rank, names: Names) -> (u32, u32) {
        if at == NIL {
            return (NIL, NIL);
        }
        if self.is_before(at, rank, names) {
            let (left, right) = self.split(self.knots[at as usize].right, rank, names);
            self.knots[at as usize].right = left;
            self.pull(at);
            (at, right)
        } else {
            let (left, right) = self.split(self.knots[at as usize].left, rank, names);
            self.knots[at as usize].left = right;
            self.pull(at);
            (left, at)
        }
    }

    /// Of two trees, all of the first before all of the second.
    fn join(&mut self, left: u32, right: u32) -> u32 {
        if left == NIL || right == NIL {
            return if left == NIL { right } else { left };
        }
        if self.priority(left) > self.priority(right) {
            let joined = self.join(self.knots[left as usize].right, right);
            self.knots[left as usize].right = joined;
            self.pull(left);
            left
        } else {
            let joined = self.join(left, self.knots[right as usize].left);
            self.knots[right as usize].left = joined;
            self.pull(right);
            right
        }
    }

    fn priority(&self, at: u32) -> u32 {
        scatter(self.knots[at as usize].slot)
    }

    fn is_before(&self, at: u32, (base, name): Rank, names: Names) -> bool {
        let knot = &self.knots[at as usize];
        knot.base < base || (knot.base == base && names(knot.slot) < name)
    }

    fn pull(&mut self, at: u32) {
        let Knot { left, right, own, base, .. } = self.knots[at as usize];
        let (mut all, mut least) = (own, base);
        for branch in [left, right] {
            if let Some(branch) = self.knots.get(branch as usize) {
                all = all.either(branch.all);
                least = least.min(branch.least);
            }
        }
        let knot = &mut self.knots[at as usize];
        (knot.all, knot.least) = (all, least);
    }
}

/// Makes room for one more by an eighth at a time: doubling would leave half of the memory unused.
pub(super) fn grow<T>(all: &mut Vec<T>) {
    if all.len() == all.capacity() {
        all.reserve_exact(all.len() / 8 + 16);
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014), its upper half.
fn scatter(slot: u32) -> u32 {
    let mut bits = u64::from(slot).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    u32::try_from((bits ^ (bits >> 31)) >> 32).unwrap_or(u32::MAX)
}
