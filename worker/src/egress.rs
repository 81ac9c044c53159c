//! Where a job's containers may connect to.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures_util::future::try_join_all;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use millrace_agent::{Cause, Failure};
use millrace_spec::{Destination, Host};

use crate::container::NetworkAccess;

/// How long one resolver is waited for. Creating a container is never broken off, so a cancel waits for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Addresses of one name: what a job needs for load to be shared, and no list that fills the fence.
const MOST_ADDRESSES: usize = 16;

/// What a list of destinations means now, as these resolvers see it.
///
/// # Errors
/// [`Cause::NameUnknown`], [`Cause::LookupFailed`].
pub(crate) async fn access(egress: &[Destination], resolvers: &[IpAddr]) -> Result<NetworkAccess, Failure> {
    if egress.is_empty() {
        return Ok(NetworkAccess::Internet { resolvers: resolvers.to_vec() });
    }
    let resolver = resolver(resolvers).map_err(|error| Failure::new(Cause::LookupFailed, error.to_string()))?;
    let found = try_join_all(egress.iter().map(|destination| addresses(&resolver, destination))).await?;
    let mut hosts = Vec::new();
    let mut destinations = Vec::new();
    for (destination, addresses) in egress.iter().zip(found) {
        let Host::Name(name) = &destination.host else {
            destinations.push(destination.clone());
            continue;
        };
        for address in addresses {
            let host = Host::Network { address, prefix: 32 };
            destinations.push(Destination { host, port: destination.port });
            hosts.push((name.clone(), address));
        }
    }
    hosts.sort_unstable();
    hosts.dedup();
    Ok(NetworkAccess::Only { hosts, destinations })
}

fn resolver(addresses: &[IpAddr]) -> Result<TokioResolver, NetError> {
    let servers = addresses.iter().map(|address| NameServerConfig::udp_and_tcp(*address)).collect();
    let config = ResolverConfig::from_parts(None, Vec::new(), servers);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    (options.timeout, options.attempts) = (PATIENCE, 2);
    builder.build()
}

/// None for a network: it means itself.
async fn addresses(resolver: &TokioResolver, destination: &Destination) -> Result<Vec<Ipv4Addr>, Failure> {
    let Host::Name(name) = &destination.host else { return Ok(Vec::new()) };
    let found = resolver.ipv4_lookup(format!("{name}.")).await.map_err(|error| {
        let cause = if error.is_no_records_found() { Cause::NameUnknown } else { Cause::LookupFailed };
        Failure::new(cause, format!("{name}: {error}"))
    })?;
    let address = |data: &RData| match data {
        RData::A(address) => Some(address.0),
        _ => None,
    };
    let mut addresses: Vec<_> = found.answers().iter().filter_map(|record| address(&record.data)).collect();
    addresses.sort_unstable();
    addresses.truncate(MOST_ADDRESSES);
    Ok(addresses)
}
