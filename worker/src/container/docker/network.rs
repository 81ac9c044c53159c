use std::collections::HashMap;

use bollard::models::NetworkCreateRequest;
use bollard::query_parameters::ListNetworksOptionsBuilder;
use millrace_protocol::Address;
use sha2::{Digest, Sha256};

use super::{Docker, create, fence};
use crate::container::{Error, NetworkAccess, Plan, label, name};

/// Makes the network that the task's container will have for itself, behind a bridge that the fence knows.
/// It is called like the container.
pub(super) async fn create(docker: &Docker, plan: &Plan) -> Result<(), Error> {
    let egress = match &plan.network {
        NetworkAccess::None => return Ok(()),
        NetworkAccess::Internet { .. } => fence::EVERYWHERE.to_owned(),
        NetworkAccess::Only { destinations, .. } => {
            destinations.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        }
    };
    let mut labels = create::labels(plan);
    labels.insert(label::EGRESS.to_owned(), egress);
    let request = NetworkCreateRequest {
        name: name(plan.key),
        driver: Some("bridge".to_owned()),
        enable_ipv6: Some(false),
        options: Some(HashMap::from([
            (fence::BRIDGE.to_owned(), bridge(&name(plan.key))),
            ("com.docker.network.bridge.enable_icc".to_owned(), "false".to_owned()),
        ])),
        labels: Some(labels),
        ..NetworkCreateRequest::default()
    };
    docker.api.create_network(request).await.map_err(|error| docker.error(error))?;
    // Before this it leads nowhere.
    fence::raise(docker).await
}

/// Nothing to remove is no error.
pub(super) async fn remove(docker: &Docker, name: &str) -> Result<(), Error> {
    match docker.api.remove_network(name).await.map_err(|error| docker.error(error)) {
        Ok(()) | Err(Error::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Names of the node's networks.
pub(super) async fn list(docker: &Docker, node: Address) -> Result<Vec<String>, Error> {
    let filters = HashMap::from([("label".to_owned(), vec![format!("{}={node}", label::NODE)])]);
    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    let networks = docker.api.list_networks(Some(options)).await.map_err(|error| docker.error(error))?;
    Ok(networks.into_iter().filter_map(|network| network.name).collect())
}

/// An interface's name is shorter than a task's: a digest tells tasks apart.
fn bridge(name: &str) -> String {
    format!("{}{}", fence::BRIDGES, &hex::encode(Sha256::digest(name))[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_a_bridge_that_the_fence_knows_and_linux_takes() {
        let bridges = ["millrace-a-0-1", "millrace-a-0-2"].map(bridge);
        assert_ne!(bridges[0], bridges[1]);
        assert!(bridges.iter().all(|bridge| bridge.starts_with(fence::BRIDGES) && bridge.len() == 15));
    }
}
