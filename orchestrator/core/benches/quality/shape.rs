//! What is recorded: who asks for what and when, and of which rigs. One line of tab-separated text each.

use std::fmt::Write;

/// A rig that a market has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rig {
    pub gpu_class: u8,
    pub gpus: u16,
    /// Micro-USDC per GPU-hour.
    pub price: u64,
    pub region: u8,
    /// When it dies and when it is back, in seconds.
    pub outages: Vec<(u64, u64)>,
}

/// What a job's tasks have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing.
    Tasks,
    /// All run at the same time, in one region, or none.
    Gang,
    /// Each is a replica that is to run from the job's arrival on, for its length, whatever dies.
    Service,
}

/// A job that arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub kind: Kind,
    /// In seconds.
    pub arrival: u64,
    pub buyer: u32,
    /// Bit per GPU class.
    pub gpu_classes: u64,
    /// Of each task.
    pub gpus: u16,
    /// Micro-USDC per GPU-hour, at most.
    pub cap: u64,
    /// Leases at the same time, at most.
    pub leases: u16,
    /// Of each task, in seconds. Nobody but the world and the optimum knows them.
    pub lengths: Vec<u64>,
}

/// Everything that happens, whoever decides.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Shape {
    pub rigs: Vec<Rig>,
    pub orders: Vec<Order>,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Tasks, Self::Gang, Self::Service];

    fn name(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Gang => "gang",
            Self::Service => "service",
        }
    }
}

impl Rig {
    pub fn serves(&self, order: &Order) -> bool {
        order.gpu_classes >> self.gpu_class & 1 == 1 && self.gpus >= order.gpus && self.price <= order.cap
    }

    /// When it dies next, at `second` or later.
    pub fn next_death(&self, second: u64) -> u64 {
        self.outages.iter().map(|(from, _)| *from).filter(|from| *from >= second).min().unwrap_or(u64::MAX)
    }
}

impl Shape {
    /// Whether a rig could serve the order; for all members of a gang, or all replicas, one each.
    pub fn can_serve(&self, order: &Order) -> bool {
        let serving = self.rigs.iter().filter(|rig| rig.serves(order));
        let together = |region: u8| serving.clone().filter(|rig| rig.region == region).count() >= order.lengths.len();
        match order.kind {
            Kind::Tasks => serving.count() > 0,
            Kind::Service => serving.count() >= order.lengths.len(),
            Kind::Gang => serving.clone().any(|rig| together(rig.region)),
        }
    }

    pub fn text(&self) -> String {
        let mut text = String::from("# rig\tGPU class\tGPUs\tprice\tregion\toutages\n");
        for rig in &self.rigs {
            let outages: Vec<String> = rig.outages.iter().map(|(from, until)| format!("{from}-{until}")).collect();
            let Rig { gpu_class, gpus, price, region, .. } = rig;
            writeln!(text, "rig\t{gpu_class}\t{gpus}\t{price}\t{region}\t{}", outages.join(",")).expect("room");
        }
        text.push_str("# job\tkind\tarrival\tbuyer\tGPU classes\tGPUs\tprice cap\tleases\tlengths of its tasks\n");
        for order in &self.orders {
            let lengths: Vec<String> = order.lengths.iter().map(u64::to_string).collect();
            let Order { kind, arrival, buyer, gpu_classes, gpus, cap, leases, .. } = order;
            let lengths = lengths.join(",");
            writeln!(
                text,
                "job\t{}\t{arrival}\t{buyer}\t{gpu_classes:#x}\t{gpus}\t{cap}\t{leases}\t{lengths}",
                kind.name()
            )
            .expect("room");
        }
        text
    }

    /// None where the text is not what [`Shape::text`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut shape = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            match line.split('\t').collect::<Vec<_>>().as_slice() {
                ["rig", gpu_class, gpus, price, region, outages] => shape.rigs.push(Rig {
                    gpu_class: gpu_class.parse().ok()?,
                    gpus: gpus.parse().ok()?,
                    price: price.parse().ok()?,
                    region: region.parse().ok()?,
                    outages: list(outages, |outage| {
                        let (from, until) = outage.split_once('-')?;
                        Some((from.parse().ok()?, until.parse().ok()?))
                    })?,
                }),
                ["job", kind, arrival, buyer, gpu_classes, gpus, cap, leases, lengths] => shape.orders.push(Order {
                    kind: Kind::ALL.into_iter().find(|known| known.name() == *kind)?,
                    arrival: arrival.parse().ok()?,
                    buyer: buyer.parse().ok()?,
                    gpu_classes: u64::from_str_radix(gpu_classes.strip_prefix("0x")?, 16).ok()?,
                    gpus: gpus.parse().ok()?,
                    cap: cap.parse().ok()?,
                    leases: leases.parse().ok()?,
                    lengths: list(lengths, |length| length.parse().ok())?,
                }),
                _ => return None,
            }
        }
        Some(shape)
    }
}

fn list<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').filter(|item| !item.is_empty()).map(read).collect()
}
