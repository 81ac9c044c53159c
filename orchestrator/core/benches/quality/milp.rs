//! The same optimum as a mixed-integer program, for another solver to find: a variable for each piece, place and
//! start. It grows with time, so only tiny shapes are asked.

use microlp::{ComparisonOp, OptimizationDirection, Problem, SolutionStatus, Variable};

use crate::dice::Dice;
use crate::shape::{Kind, Order, Rig, Shape};
use crate::value::cost;

/// What a second of delay weighs against cost: more than all cost there is.
const WEIGHT: f64 = 1_000.0;

/// A shape with times of a few units and prices of a few micro-USDC for a unit of 3600 s, all of them small.
pub fn tiny(dice: &mut Dice) -> Shape {
    let few = |dice: &mut Dice, most: u64| 1 + dice.roll(most);
    let rigs = (0..3).map(|_| Rig {
        gpu_class: 1 + dice.small(2),
        gpus: 1 + u16::from(dice.small(4)),
        price: few(dice, 9),
        region: dice.small(2),
        outages: Vec::new(),
    });
    let mut shape = Shape { rigs: rigs.collect(), orders: Vec::new() };
    while shape.orders.len() < 4 {
        let kind = if dice.often(30) { Kind::Gang } else { Kind::Tasks };
        let tasks = if kind == Kind::Gang { 2 } else { 1 + usize::from(dice.often(30)) };
        let length = few(dice, 4) * 3_600;
        let order = Order {
            kind,
            arrival: dice.roll(4) * 3_600,
            buyer: 0,
            gpu_classes: [0b110, 0b010, 0b100][usize::from(dice.small(3))],
            gpus: 1 + u16::from(dice.small(3)),
            cap: few(dice, 9),
            leases: if kind == Kind::Gang { 2 } else { 1 + u16::from(dice.small(2)) },
            lengths: (0..tasks).map(|_| if kind == Kind::Gang { length } else { few(dice, 4) * 3_600 }).collect(),
        };
        if shape.can_serve(&order) {
            shape.orders.push(order);
        }
    }
    shape
}

/// Every way to place one piece: its rigs, its first unit and the one after its last.
struct Way {
    variable: Variable,
    order: usize,
    rigs: Vec<usize>,
    from: u64,
    until: u64,
}

/// Least delay in units, and the least cost at that.
///
/// # Panics
/// Where the solver does not prove an optimum.
pub fn least(shape: &Shape) -> (u64, u64) {
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let lengths = shape.orders.iter().flat_map(|order| order.lengths.iter().map(|length| length / 3_600));
    let horizon = lengths.sum::<u64>() + 4;
    let mut ways: Vec<Way> = Vec::new();
    for (number, order) in shape.orders.iter().enumerate() {
        let end = problem.add_var(WEIGHT, (0.0, f64::INFINITY));
        let pieces = if order.kind == Kind::Gang { &order.lengths[..1] } else { &order.lengths };
        let size = if order.kind == Kind::Gang { order.lengths.len() } else { 1 };
        for length in pieces {
            let (units, first) = (length / 3_600, ways.len());
            for rigs in crate::optimum::sets(shape, order, size) {
                let price: u64 = rigs.iter().map(|rig| cost(shape, number, *rig, *length)).sum();
                for from in order.arrival / 3_600..horizon {
                    let variable = problem.add_binary_var(price as f64);
                    ways.push(Way { variable, order: number, rigs: rigs.clone(), from, until: from + units });
                }
            }
            let these = &ways[first..];
            let once: Vec<_> = these.iter().map(|way| (way.variable, 1.0)).collect();
            problem.add_constraint(once.as_slice(), ComparisonOp::Eq, 1.0);
            let ends: Vec<_> =
                these.iter().map(|way| (way.variable, -(way.until as f64))).chain([(end, 1.0)]).collect();
            problem.add_constraint(ends.as_slice(), ComparisonOp::Ge, 0.0);
        }
    }
    for unit in 0..horizon {
        let at = |way: &&Way| way.from <= unit && unit < way.until;
        let mut limit = |most: u16, weigh: &dyn Fn(&Way) -> u16| {
            let row: Vec<_> = ways
                .iter()
                .filter(at)
                .map(|way| (way.variable, f64::from(weigh(way))))
                .filter(|(_, n)| *n > 0.0)
                .collect();
            if !row.is_empty() {
                problem.add_constraint(row.as_slice(), ComparisonOp::Le, f64::from(most));
            }
        };
        for (number, rig) in shape.rigs.iter().enumerate() {
            let on = |way: &Way| way.rigs.contains(&number);
            limit(rig.gpus, &|way| if on(way) { shape.orders[way.order].gpus } else { 0 });
            for order in 0..shape.orders.len() {
                limit(1, &|way| u16::from(on(way) && way.order == order));
            }
        }
        for (number, order) in shape.orders.iter().enumerate() {
            let size = |way: &Way| u16::try_from(way.rigs.len()).expect("few");
            limit(order.leases, &|way| if way.order == number { size(way) } else { 0 });
        }
    }
    let outcome = problem.solve().expect("a program that has a solution");
    let solution = outcome.into_solution().expect("no limit of time is set");
    assert_eq!(solution.status(), SolutionStatus::Optimal);
    let total = solution.objective().round() as u64;
    let arrivals: u64 = shape.orders.iter().map(|order| order.arrival / 3_600).sum();
    let weight = WEIGHT as u64;
    (total / weight - arrivals, total % weight)
}
