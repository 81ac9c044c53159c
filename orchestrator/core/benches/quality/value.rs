use std::collections::BTreeMap;

use crate::shape::{Kind, Shape};
use crate::world::Stint;

/// What a schedule comes to, by the money rules of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Value {
    /// The sum over jobs of the seconds from arrival to the last task's end; of a service, those that its replicas
    /// lacked.
    pub delay: u64,
    /// Seconds that replicas of services ran, all together.
    pub served: u64,
    /// The second of the last end.
    pub makespan: u64,
    /// Micro-USDC.
    pub cost: u64,
}

/// Of a stint, in micro-USDC.
pub fn cost(shape: &Shape, order: usize, rig: usize, seconds: u64) -> u64 {
    u64::from(shape.orders[order].gpus) * shape.rigs[rig].price * seconds / 3_600
}

impl Value {
    pub fn of(shape: &Shape, stints: &[Stint]) -> Self {
        let (mut ends, mut ran) = (BTreeMap::new(), BTreeMap::new());
        let mut value = Self::default();
        for stint in stints {
            let end = ends.entry(stint.order).or_insert(0);
            *end = stint.until.max(*end);
            *ran.entry(stint.order).or_insert(0) += stint.until - stint.from;
            value.makespan = value.makespan.max(stint.until);
            value.cost += cost(shape, stint.order, stint.rig, stint.until - stint.from);
        }
        for (number, order) in shape.orders.iter().enumerate() {
            let ran: u64 = ran.get(&number).copied().unwrap_or(0);
            if order.kind == Kind::Service {
                value.served += ran;
                value.delay += order.lengths.iter().sum::<u64>().saturating_sub(ran);
            } else {
                value.delay += ends[&number] - order.arrival;
            }
        }
        value
    }
}

/// The first rule of the market that a schedule breaks.
pub fn broken(shape: &Shape, stints: &[Stint]) -> Option<String> {
    for stint in stints {
        let (order, rig) = (&shape.orders[stint.order], &shape.rigs[stint.rig]);
        let length = stint.until - stint.from;
        let whole = order.kind == Kind::Service || length == order.lengths[stint.task];
        let alive = rig.outages.iter().all(|(from, until)| stint.until <= *from || stint.from >= *until);
        if !rig.serves(order) || stint.from < order.arrival || !whole || !alive {
            return Some(format!("{stint:?} is not what {order:?} asks for, or not on {rig:?}"));
        }
        let beside = || stints.iter().filter(|other| other.from <= stint.from && stint.from < other.until);
        let taken: u16 =
            beside().filter(|other| other.rig == stint.rig).map(|other| shape.orders[other.order].gpus).sum();
        let own = || beside().filter(|other| other.order == stint.order);
        let doubled = own().any(|other| other.rig == stint.rig && other != stint);
        if taken > rig.gpus || own().count() > usize::from(order.leases) || doubled {
            return Some(format!("too much at once beside {stint:?}"));
        }
        let together = |other: &Stint| {
            other.order != stint.order || other.from == stint.from && shape.rigs[other.rig].region == rig.region
        };
        if order.kind == Kind::Gang && !stints.iter().all(together) {
            return Some(format!("a gang that is not together at {stint:?}"));
        }
    }
    let done =
        |number: usize, task: usize| stints.iter().filter(|stint| (stint.order, stint.task) == (number, task)).count();
    for (number, order) in shape.orders.iter().enumerate().filter(|(_, order)| order.kind != Kind::Service) {
        if let Some(task) = (0..order.lengths.len()).find(|task| done(number, *task) != 1) {
            return Some(format!("task {task} of job {number} is not done once"));
        }
    }
    None
}
