//! Which nodes could take a job, as far as a buyer can know beforehand.

use millrace_link::rest;
use millrace_protocol::{GpuUnits, Node, NodeStatus, UnixSeconds};
use millrace_spec::{JobSpec, Placement};

/// Whether the node could take a lease of the job if it had nothing else to do.
pub(super) fn could_run(spec: &JobSpec, node: &rest::Node, now: UnixSeconds) -> bool {
    let idle = Node {
        hardware: node.hardware,
        price: node.price,
        spot_price: node.spot_price,
        service_level: node.service_level,
        attestation: node.attestation,
        leased: GpuUnits::ZERO,
        status: NodeStatus::Active,
    };
    let price = idle.posted_price(spec.terms.spot);
    price.is_some_and(|price| price <= spec.terms.maximum_price)
        && spec.terms.check_node(&idle, now).is_ok()
        && spec.runtime.is_none_or(|runtime| node.runtimes.contains(&runtime))
        && spec.placement.as_ref().is_none_or(|placement| admits(placement, node))
}

fn admits(placement: &Placement, node: &rest::Node) -> bool {
    let Placement { countries, denied_providers, minimum_cuda, minimum_driver, providers, .. } = placement;
    let country = countries.is_empty() || countries.iter().any(|country| country.0 == node.hardware.country);
    let provider = providers.is_empty() || providers.contains(&node.provider);
    country
        && provider
        && !denied_providers.contains(&node.provider)
        && node.driver >= *minimum_driver
        && node.cuda >= *minimum_cuda
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Address;
    use millrace_spec::{Country, Version};

    use super::*;
    use crate::commands::list_nodes::tests::{account, told};

    #[test]
    fn only_nodes_that_the_placement_admits_are_counted() {
        let node = rest::Node { driver: Version(550_054), cuda: Version(12_004), ..told(account(0), true) };
        let anything = Placement::default;
        let germany = Country(*b"DE");
        let admitted = [
            anything(),
            Placement { countries: vec![Country(*b"FR"), germany], ..anything() },
            Placement { providers: vec![node.provider], ..anything() },
            Placement { minimum_driver: node.driver, minimum_cuda: node.cuda, ..anything() },
        ];
        for placement in admitted {
            assert!(admits(&placement, &node), "{placement:?}");
        }
        let excluded = [
            Placement { countries: vec![Country(*b"FR")], ..anything() },
            Placement { providers: vec![Address([9; 32])], ..anything() },
            Placement { denied_providers: vec![node.provider], ..anything() },
            Placement { minimum_driver: Version(node.driver.0 + 1), ..anything() },
            Placement { minimum_cuda: Version(node.cuda.0 + 1), ..anything() },
        ];
        for placement in excluded {
            assert!(!admits(&placement, &node), "{placement:?}");
        }
    }
}
