//! Why leases are where they are, as a table of scores.

use millrace_link::rest::{Placement, Placements, Scored, Weights};
use millrace_protocol::PricePerGpuHour;

use super::parameters::share;
use super::short;
use crate::output::table::{Column, render};

/// Each live lease with the nodes that scored next, and what is charged for what.
pub fn text(placements: &Placements) -> String {
    if placements.leases.is_empty() {
        return "no live lease, or none since the orchestrator's last start: scores are not kept".to_owned();
    }
    let rows: Vec<_> = placements.leases.iter().flat_map(rows).collect();
    let columns = [
        Column::Text("lease"),
        Column::Text("node"),
        Column::Text("provider"),
        Column::Number("price"),
        Column::Number("reputation"),
        Column::Number("link"),
        Column::Number("image"),
        Column::Number("packing"),
        Column::Number("scarcity"),
        Column::Number("score"),
    ];
    format!("{}\n\n{}", render(&columns, &rows), weights(&placements.weights))
}

fn rows(placement: &Placement) -> Vec<Vec<String>> {
    let others = placement.runners_up.iter().map(|other| row(String::new(), other));
    std::iter::once(row(placement.number.to_string(), &placement.chosen)).chain(others).collect()
}

fn row(lease: String, scored: &Scored) -> Vec<String> {
    let failed = if scored.failed_before { " (failed before)" } else { "" };
    vec![
        lease,
        short(scored.node),
        format!("{}{failed}", scored.provider_name),
        usdc(scored.price),
        usdc(scored.reputation),
        usdc(scored.link),
        usdc(scored.image),
        usdc(scored.packing),
        usdc(scored.scarcity),
        usdc(scored.total),
    ]
}

fn weights(weights: &Weights) -> String {
    format!(
        "USDC per GPU and hour; the lowest score gets the lease, and only its price is paid. Charged\nbeside the price: \
         up to {} of it for a bad reputation, up to {} for a link under\n{} Mbit/s, {} for an image to be pulled, {} \
         for each GPU left idle in a\nrig that was whole, {} for each size of request that no other node could take.",
        share(weights.reputation),
        share(weights.link),
        megabits(weights.fast_link),
        usdc(weights.image),
        usdc(weights.packing),
        usdc(weights.scarcity)
    )
}

/// Of KiB per second; rounded, since it was given so.
fn megabits(kib_per_second: u32) -> u64 {
    (u64::from(kib_per_second) * 1_024 * 8 + 500_000) / 1_000_000
}

fn usdc(price: PricePerGpuHour) -> String {
    format!("{}.{:06}", price.0 / 1_000_000, price.0 % 1_000_000)
}

#[cfg(test)]
mod tests {
    use millrace_protocol::{Address, BasisPoints};

    use super::*;

    fn scored(node: u8, price: u64, image: u64, failed_before: bool) -> Scored {
        let zero = PricePerGpuHour(0);
        Scored {
            node: Address([node; 32]),
            provider_name: format!("provider {node}"),
            failed_before,
            price: PricePerGpuHour(price),
            reputation: PricePerGpuHour(1_200),
            link: zero,
            image: PricePerGpuHour(image),
            packing: zero,
            scarcity: zero,
            total: PricePerGpuHour(price + 1_200 + image),
        }
    }

    fn placements(leases: Vec<Placement>) -> Placements {
        let weights = Weights {
            reputation: BasisPoints(2_000),
            link: BasisPoints(500),
            fast_link: 12_207,
            image: PricePerGpuHour(5_000),
            packing: PricePerGpuHour(2_000),
            scarcity: PricePerGpuHour(300_000),
        };
        Placements { weights, leases }
    }

    #[test]
    fn a_lease_stands_above_those_that_scored_next() {
        let runners_up = vec![scored(2, 398_000, 5_000, false), scored(3, 350_000, 0, true)];
        let lease = Placement { number: 4, chosen: scored(1, 400_000, 0, false), runners_up };
        insta::assert_snapshot!(text(&placements(vec![lease])));
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert!(text(&placements(Vec::new())).starts_with("no live lease"));
    }
}
