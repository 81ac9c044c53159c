use std::collections::BTreeMap;
use std::ops::ControlFlow;

use millrace_protocol::Address;
use millrace_protocol::gpu::GpuClass;

use super::reach::{Needs, Reach};
use super::tree::{NIL, Names, Trees};

/// Which kind of lease (spot or not), of which GPU class.
type Row = (bool, GpuClass);

/// Rigs of one size, either all of them whole or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub size: u16,
    pub whole: bool,
}

#[derive(Clone, Debug)]
struct Pool {
    shape: Shape,
    root: u32,
}

/// Every pool of the index.
#[derive(Clone, Debug, Default)]
pub(super) struct Pools {
    rows: BTreeMap<Row, Vec<Pool>>,
    trees: Trees,
}

/// Where a rig lies, and with what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub row: Row,
    pub shape: Shape,
    pub slot: u32,
    pub base: u64,
    pub reach: Reach,
}

impl Pools {
    pub(super) fn insert(&mut self, place: Place, names: Names) {
        let row = self.rows.entry(place.row).or_default();
        let found = row.iter().position(|pool| pool.shape == place.shape);
        let index = found.unwrap_or_else(|| {
            row.push(Pool { shape: place.shape, root: NIL });
            row.len() - 1
        });
        row[index].root = self.trees.insert(row[index].root, place.slot, place.base, place.reach, names);
    }

    pub(super) fn remove(&mut self, place: Place, names: Names) {
        let Some(row) = self.rows.get_mut(&place.row) else { return };
        let Some(index) = row.iter().position(|pool| pool.shape == place.shape) else { return };
        let rank = (place.base, names(place.slot));
        row[index].root = self.trees.remove(row[index].root, place.slot, rank, names);
        if row[index].root == NIL {
            row.swap_remove(index);
        }
        if row.is_empty() {
            self.rows.remove(&place.row);
        }
    }

    pub(super) fn change(&mut self, place: Place, names: Names) {
        let pool = self.rows.get(&place.row).and_then(|row| row.iter().find(|pool| pool.shape == place.shape));
        if let Some(pool) = pool {
            self.trees.change(pool.root, place.slot, (place.base, names(place.slot)), place.reach, names);
        }
    }

    /// Visits rigs that may meet the needs, pool by pool, each in its order.
    pub(super) fn walk(&self, (spot, classes): (bool, u64), needs: &Needs, visitor: &mut impl Visitor) {
        if classes == 0 {
            let rows = self.rows.range((spot, 0)..=(spot, GpuClass::MAX));
            rows.for_each(|(_, row)| self.walk_row(row, needs, visitor));
            return;
        }
        let mut left = classes;
        while left != 0 {
            let class = u8::try_from(left.trailing_zeros()).unwrap_or(GpuClass::MAX);
            left &= left - 1;
            if let Some(row) = self.rows.get(&(spot, class)) {
                self.walk_row(row, needs, visitor);
            }
        }
    }

    fn walk_row(&self, row: &[Pool], needs: &Needs, visitor: &mut impl Visitor) {
        for pool in row {
            if let Some(most) = visitor.most(pool.shape) {
                // Broken off or not, the next pool may have a better one.
                let _ =
                    self.trees.walk(pool.root, needs, most, &mut |slot, base| visitor.visit(pool.shape, slot, base));
            }
        }
    }
}

/// Who looks through the pools.
pub(super) trait Visitor {
    /// The highest base that still matters in a pool of this shape; none where nothing does.
    fn most(&self, shape: Shape) -> Option<u64>;

    /// Breaks off where nothing that follows in the pool can matter.
    fn visit(&mut self, shape: Shape, slot: u32, base: u64) -> ControlFlow<()>;
}

/// A rig's name, for whoever has them all.
pub(super) fn named(rigs: &[super::Rig]) -> impl Fn(u32) -> Address + '_ {
    |slot| rigs[slot as usize].address
}
