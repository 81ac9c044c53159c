use std::collections::BTreeMap;

use millrace_protocol::{GpuUnits, Hardware, HardwareAttestation, Node, NodeStatus, PricePerGpuHour, ServiceLevel};
use millrace_spec::Version;
use proptest::prelude::*;

use super::super::rig::Rig;
use super::*;
use crate::{Demand, NodeEntry, NodeView};

/// Addresses go down as numbers go up.
fn name(slot: u32) -> Address {
    Address([u8::try_from(250 - slot).unwrap(); 32])
}

fn rig(price: u64, cores: u16) -> (Rig, NodeEntry) {
    let hardware = Hardware {
        gpu_class: 1,
        gpu_count: 1,
        vram_mib: 1,
        cpu_cores: cores,
        memory_mib: 1,
        disk_mib: 1,
        region: 0,
        country: *b"DE",
        simulated: false,
    };
    let node = Node {
        hardware,
        price: PricePerGpuHour(price),
        spot_price: PricePerGpuHour::ZERO,
        service_level: ServiceLevel::None,
        attestation: HardwareAttestation::default(),
        leased: GpuUnits::ZERO,
        status: NodeStatus::Active,
    };
    let (provider, key) = (Address::default(), Address::default());
    let view = NodeView { provider, key, node, driver: Version::NONE, cuda: Version::NONE };
    (Rig::new(Address::default()), NodeEntry { view })
}

fn reach(cores: u16) -> Reach {
    let (rig, entry) = rig(0, cores);
    Reach::of(&rig, &entry, PricePerGpuHour::ZERO)
}

fn needs(cores: u16) -> Needs {
    let demand = Demand { cpu_milli: u32::from(cores) * 1_000, ..Demand::anything() };
    Needs::of(&demand, PricePerGpuHour::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is put in, changed and taken out, a walk visits what a sorted list has, in its order, and
    /// nothing is left in the arena when everything is gone.
    #[test]
    fn a_tree_is_a_sorted_list(steps in prop::collection::vec((0..250u32, 0..6u64, 1..9u16, 0..10u8), 1..1_500)) {
        let (mut trees, mut root) = (Trees::default(), NIL);
        let mut list: BTreeMap<u32, (u64, u16)> = BTreeMap::new();
        for (step, (slot, base, cores, kind)) in steps.into_iter().enumerate() {
            match (list.get(&slot).copied(), kind) {
                (None, _) => {
                    root = trees.insert(root, slot, base, reach(cores), &name);
                    list.insert(slot, (base, cores));
                }
                (Some((base, _)), 0..5) => {
                    trees.change(root, slot, (base, name(slot)), reach(cores), &name);
                    list.insert(slot, (base, cores));
                }
                (Some((base, _)), _) => {
                    root = trees.remove(root, slot, (base, name(slot)), &name);
                    list.remove(&slot);
                }
            }
            if step % 16 == 0 {
                let (least, most) = (cores, base);
                let mut expected: Vec<(u64, Address, u32)> = list
                    .iter()
                    .filter(|(_, (base, cores))| *base <= most && *cores >= least)
                    .map(|(slot, (base, _))| (*base, name(*slot), *slot))
                    .collect();
                expected.sort_unstable();
                let mut visited = Vec::new();
                let _ = trees.walk(root, &needs(least), most, &mut |slot, base| {
                    visited.push((base, name(slot), slot));
                    ControlFlow::Continue(())
                });
                prop_assert_eq!(visited, expected);
            }
        }
        for (slot, (base, _)) in list {
            root = trees.remove(root, slot, (base, name(slot)), &name);
        }
        prop_assert_eq!((root, trees.unused.len()), (NIL, trees.blocks.len()));
    }
}
