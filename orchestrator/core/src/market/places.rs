use millrace_protocol::gpu::GpuClass;

use super::Demand;

/// Requests that are thought of: for so many GPUs of one node, by one task or by each member of a gang.
const SIZES: [u16; 5] = [1, 2, 4, 8, 16];
/// Larger gangs are not thought of.
const MEMBERS: u32 = 4;
/// Bits of a mask of regions.
const REGIONS: usize = 32;

/// By region, how many nodes.
type Counts = [u32; REGIONS];

/// Nodes of one GPU class that take one kind of lease.
#[derive(Clone, Debug)]
struct Row {
    /// Of each of [`SIZES`], those that have as many GPUs free.
    counts: [Counts; SIZES.len()],
    /// The most of any region.
    most: [u32; SIZES.len()],
}

/// Where a rig counts, and for how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stall {
    pub class: GpuClass,
    /// Its bit of a mask; none where the region is not known, which counts nowhere.
    pub region: u32,
    pub free: u16,
    /// Whether it takes leases at the posted price, and spot leases.
    pub takes: [bool; 2],
}

/// How many nodes could still take how much. A node that is the last of its kind to have room for a request is
/// worth keeping for it, whoever comes: `docs/measured-by-hand.md` says what that brings.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// By kind of lease, then by GPU class.
    rows: [Vec<Option<Box<Row>>>; 2],
}

impl Places {
    /// The rig has this to offer now, and had that.
    pub(super) fn change(&mut self, before: Option<Stall>, after: Option<Stall>) {
        let cell = |stall: &Stall| Stall { free: 0, ..*stall };
        if let (Some(before), Some(after)) = (before, after)
            && cell(&before) == cell(&after)
        {
            let (less, more) = (before.free.min(after.free), before.free.max(after.free));
            return self.count(after, less, more, after.free > before.free);
        }
        before.into_iter().for_each(|stall| self.count(stall, 0, stall.free, false));
        after.into_iter().for_each(|stall| self.count(stall, 0, stall.free, true));
    }

    /// One more, or less, with room for what is over `less` and up to `most`.
    fn count(&mut self, cell: Stall, less: u16, most: u16, added: bool) {
        let region = cell.region.trailing_zeros() as usize;
        if region >= REGIONS {
            return;
        }
        for rows in self.rows.iter_mut().zip(cell.takes).filter_map(|(rows, takes)| takes.then_some(rows)) {
            let class = usize::from(cell.class);
            if rows.len() <= class {
                rows.resize(class + 1, None);
            }
            let new = || Box::new(Row { counts: [[0; REGIONS]; SIZES.len()], most: [0; SIZES.len()] });
            let row = rows[class].get_or_insert_with(new);
            for at in (0..SIZES.len()).filter(|at| less < SIZES[*at] && SIZES[*at] <= most) {
                let count = &mut row.counts[at][region];
                if added {
                    *count += 1;
                    row.most[at] = row.most[at].max(*count);
                    continue;
                }
                let before = *count;
                *count -= 1;
                if before == row.most[at] {
                    row.most[at] = row.counts[at].iter().copied().max().unwrap_or(0);
                }
            }
        }
    }

    /// What a lease of the demand is charged on a rig with so many GPUs free: `weight` for each size of request that
    /// no node of the models and regions it accepts could take any more, an m-th of it where only gangs of m could
    /// not be brought together any more. `counted` is what the rig is known to have free, where it is another matter.
    pub(super) fn charge(&self, weight: u64, demand: &Demand, rig: Stall, counted: u16) -> u64 {
        let region = rig.region.trailing_zeros() as usize;
        let Some(largest) = SIZES.iter().rposition(|size| *size <= rig.free) else { return 0 };
        let rows = &self.rows[usize::from(demand.spot)];
        let own = rows.get(usize::from(rig.class)).and_then(Option::as_ref);
        // Whoever is there beside it has room for all of that, here or elsewhere.
        let plenty = demand.regions == 0 && own.is_some_and(|row| row.most[largest] > MEMBERS);
        if weight == 0 || region >= REGIONS || plenty {
            return 0;
        }
        let left = rig.free.saturating_sub(demand.units.0);
        let lost = (0..=largest).filter(|at| SIZES[*at] > left);
        let scarce = |at: &usize| demand.regions != 0 || self.accepted(demand).all(|row| row.most[*at] <= MEMBERS);
        let allowed = |other: &usize| *other != region && (demand.regions == 0 || demand.regions >> other & 1 == 1);
        lost.filter(scarce)
            .map(|at| {
                let has = |region: usize| self.accepted(demand).map(|row| row.counts[at][region]).sum::<u32>();
                let here = has(region) + u32::from(counted < SIZES[at]);
                let spared = here > MEMBERS || (0..REGIONS).filter(allowed).any(|other| has(other) >= here);
                if spared { 0 } else { weight / u64::from(here) }
            })
            .sum()
    }

    /// Nodes of the models that the demand accepts.
    fn accepted(&self, demand: &Demand) -> impl Iterator<Item = &Row> {
        let mask = demand.gpu_classes;
        let rows = self.rows[usize::from(demand.spot)].iter().enumerate();
        let named = move |class: usize| {
            let shift = u32::try_from(class).unwrap_or(u32::MAX);
            mask.checked_shr(shift).is_some_and(|rest| rest & 1 == 1)
        };
        rows.filter(move |(class, _)| mask == 0 || named(*class)).filter_map(|(_, row)| row.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::GpuUnits;
    use proptest::prelude::*;

    use super::*;

    fn stall() -> impl Strategy<Value = Stall> {
        (0..3u8, 0..3u32, 1..=9u16, any::<[bool; 2]>()).prop_map(|(class, region, free, takes)| Stall {
            class,
            region: 1 << region,
            free,
            takes,
        })
    }

    /// Whether a gang of so many could be brought together in one region, each member with so many GPUs.
    fn possible(rigs: &[Stall], demand: &Demand, members: usize, size: u16) -> bool {
        let suits = |rig: &&Stall| {
            let accepted = demand.gpu_classes == 0 || demand.gpu_classes >> rig.class & 1 == 1;
            let allowed = demand.regions == 0 || demand.regions & rig.region != 0;
            accepted && allowed && rig.takes[usize::from(demand.spot)] && rig.free >= size
        };
        (0..3).any(|region| rigs.iter().filter(suits).filter(|rig| rig.region == 1 << region).count() >= members)
    }

    proptest! {
        /// However rigs came and went, the charge is for each request that was possible before the lease, and is
        /// not beside it.
        #[test]
        fn what_cannot_be_served_any_more_is_charged_for(
            rigs in prop::collection::vec(stall(), 1..9),
            gone in prop::collection::vec(stall(), 0..5),
            (classes, regions, units, spot) in (0..8u64, 0..8u32, 1..=9u16, any::<bool>()),
        ) {
            let mut places = Places::default();
            gone.iter().for_each(|rig| places.change(None, Some(*rig)));
            rigs.iter().for_each(|rig| places.change(None, Some(*rig)));
            for rig in &gone {
                let fuller = Stall { free: rig.free / 2, ..*rig };
                places.change(Some(*rig), Some(fuller));
                places.change(Some(fuller), Some(*rig));
                places.change(Some(*rig), None);
            }
            let (gpu_classes, units) = (classes, GpuUnits(units));
            let demand = Demand { gpu_classes, regions, units, spot, ..Demand::anything() };
            for (at, rig) in rigs.iter().enumerate() {
                if !possible(&[*rig], &demand, 1, units.0) {
                    continue;
                }
                let mut after = rigs.clone();
                after[at].free -= units.0;
                let lost = |members: &usize, size: u16| {
                    possible(&rigs, &demand, *members, size) && !possible(&after, &demand, *members, size)
                };
                let expected: u64 = SIZES
                    .iter()
                    .flat_map(|size| (1..=4).filter(|members| lost(members, *size)).map(|members| 120 / members as u64))
                    .sum();
                prop_assert_eq!(places.charge(120, &demand, *rig, rig.free), expected);
                prop_assert_eq!(places.charge(0, &demand, *rig, rig.free), 0);
            }
        }
    }

    /// What spot leases leave when they end is in nobody's count yet.
    #[test]
    fn a_rig_counts_for_what_it_will_have_free() {
        let mut places = Places::default();
        let rig = Stall { class: 1, region: 1, free: 2, takes: [true, false] };
        places.change(None, Some(rig));
        let demand = Demand { units: GpuUnits(1), ..Demand::anything() };
        let vacated = Stall { free: 8, ..rig };
        assert_eq!(places.charge(100, &demand, vacated, rig.free), 100, "only eight are lost");
        places.change(None, Some(Stall { region: 2, ..vacated }));
        assert_eq!(places.charge(100, &demand, vacated, rig.free), 0, "another region has one");
        let bound = Demand { regions: 1, ..demand };
        assert_eq!(places.charge(100, &bound, vacated, rig.free), 100);
        let unknown = Stall { region: 0, ..rig };
        places.change(None, Some(unknown));
        assert_eq!(places.charge(100, &bound, unknown, unknown.free), 0);
    }
}
